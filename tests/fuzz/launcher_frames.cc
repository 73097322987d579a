// What the launcher and its agents say to each other.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"
#include "tools/launcher/messages.h"

namespace {

using convoy::launcher::Message;

// The messages of a stream that comes in pieces of so many bytes, up to its first fault.
std::vector<Message> ReadAll(std::string_view stream, size_t piece) {
  std::vector<Message> messages;
  try {
    convoy::launcher::MessageReader reader;
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
      reader.Append(stream.substr(0, piece));
      while (const auto message = reader.Next()) messages.push_back(*message);
    }
  } catch (const convoy::Error&) {
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  using namespace convoy::launcher;
  const std::vector<Message> messages = ReadAll(AsText(data, bytes), std::max(bytes, size_t{1}));
  const std::vector<Message> again = ReadAll(AsText(data, bytes), 7);
  Require(messages.size() == again.size(), "pieces change nothing");
  for (size_t i = 0; i < messages.size(); ++i) {
    Require(Encode(messages[i]) == Encode(again[i]), "pieces change no message");
    if (messages[i].kind != MessageKind::kStart) continue;
    try {
      const StartOrder order = ParseStartOrder(messages[i].text);
      Require(!order.command.empty() && !order.ranks.empty(), "something to start");
      const Message start{MessageKind::kStart, 0, messages[i].text};
      Require(Encode(order) == Encode(start), "an order is what was sent, to the byte");
    } catch (const Error&) {
    }
  }
  return 0;
}
