// What the launcher and its agent on each host say to each other over a pipe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/net/frame.h"

namespace convoy::launcher {

enum class MessageKind : uint8_t {
  // From an agent.
  kHello = 1,  ///< value: a TCP port that is free there
  kOut,        ///< text: what worker `value` has written to its standard output
  kErr,        ///< text: ... to its standard error
  kStarted,    ///< value: a worker; text: its process id
  kEnded,      ///< value: a worker; text: its status from waitpid
  kRefused,    ///< value: an exit status; text: why the agent starts no worker
  // To an agent.
  kStart,   ///< text: a StartOrder
  kSignal,  ///< value: the number of a signal for all workers
  kPing,    ///< "I am still here"; value: seconds until when it says so again, at the latest
};

/// Travels as a frame (parallel/net/frame.h): the kind, the value (i32), and the text up to the
/// end.
struct Message {
  MessageKind kind;
  int32_t value = 0;
  std::string text;
};

std::string Encode(const Message& message);

/// The workers of one host.
struct StartOrder {
  std::string folder;  ///< where they start
  std::vector<std::string> command;
  std::vector<std::string> env;  ///< "NAME=VALUE" for all of them
  std::vector<int> ranks;        ///< local rank 0, 1, ...
};

/// The whole message kStart.
std::string Encode(const StartOrder& order);
/// The order in a message kStart. Throws: Error if `text` is none.
StartOrder ParseStartOrder(std::string_view text);

/// What each side says before its first message; the number changes with the format.
inline constexpr std::string_view kPreamble = "\nconvoy-launch-2\n";
inline constexpr size_t kMaxText = 16 << 20;  ///< bytes of a message

/// Puts messages together again from what arrives in pieces.
class MessageReader {
 public:
  MessageReader();

  void Append(std::string_view bytes);

  /// The next message that is complete.
  /// Throws: Error if this is not how a launcher and its agent talk.
  std::optional<Message> Next();

  /// A remote shell may greet first: what comes before kPreamble is no message. The text in front
  /// of the preamble, as long as that has not come.
  const std::string& greeting() const { return buffer_; }
  bool greeted() const { return greeted_; }

 private:
  // Whether the preamble has come.
  bool SkipGreeting();

  std::string buffer_;
  size_t used_ = 0;  // bytes of buffer_ that are in frame_, or were
  bool greeted_ = false;
  net::FrameAssembler frame_;
};

}  // namespace convoy::launcher
