// What the launcher and its agent on each host say to each other over a pipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

enum class FrameKind : uint8_t {
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

struct Frame {
  FrameKind kind;
  int32_t value = 0;
  std::string text;
};

std::string Encode(const Frame& frame);

/// Puts frames together again from what arrives in pieces.
class FrameReader {
 public:
  /// A remote shell may greet first: what comes before kPreamble is no frame.
  void Append(std::string_view bytes) { buffer_.append(bytes); }

  /// The next one that is complete. Throws: Error if this is no agent's way of talking.
  std::optional<Frame> Next();

  /// The text in front of the preamble, as long as that has not come.
  const std::string& greeting() const { return buffer_; }
  bool greeted() const { return greeted_; }

 private:
  std::string buffer_;
  bool greeted_ = false;
};

inline constexpr std::string_view kPreamble = "\nconvoy-launch-1\n";

/// The workers of one host.
struct StartOrder {
  std::string folder;  ///< where they start
  std::vector<std::string> command;
  std::vector<std::string> env;  ///< "NAME=VALUE" for all of them
  std::vector<int> ranks;        ///< local rank 0, 1, ...
};

std::string Encode(const StartOrder& order);
/// Throws: Error if `text` is no order.
StartOrder ParseStartOrder(std::string_view text);

}  // namespace convoy
