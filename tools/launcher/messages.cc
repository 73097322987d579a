// What the launcher and its agent on each host say to each other over a pipe.
#include "tools/launcher/messages.h"

#include "core/base/error.h"

namespace convoy::launcher {
namespace {

constexpr size_t kHeaderBytes = 5;  // kind and value
constexpr size_t kMaxGreeting = 64 << 10;

net::FrameWriter Begin(MessageKind kind, int32_t value) {
  net::FrameWriter writer(static_cast<uint8_t>(kind));
  writer.I32(value);
  return writer;
}

void WriteTexts(net::FrameWriter& writer, const std::vector<std::string>& texts) {
  writer.U32(static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) writer.Text(text);
}

// How many parts follow, which take four bytes each at least; 0 if there cannot be so many.
size_t ReadCount(net::FrameReader& reader) {
  const size_t count = reader.U32();
  CONVOY_CHECK(count <= reader.rest_bytes() / 4,
               "[tools/launch] expected {} parts of an order, got less", count);
  return count;
}

std::vector<std::string> ReadTexts(net::FrameReader& reader) {
  std::vector<std::string> texts(ReadCount(reader));
  for (std::string& text : texts) text = reader.Text(reader.rest_bytes());
  return texts;
}

std::vector<int> ReadNumbers(net::FrameReader& reader) {
  std::vector<int> numbers(ReadCount(reader));
  for (int& number : numbers) number = reader.I32();
  return numbers;
}

}  // namespace

std::string Encode(const Message& message) {
  return Begin(message.kind, message.value).Raw(message.text).Take();
}

std::string Encode(const StartOrder& order) {
  net::FrameWriter writer = Begin(MessageKind::kStart, 0);
  writer.Text(order.folder);
  WriteTexts(writer, order.command);
  WriteTexts(writer, order.env);
  writer.U32(static_cast<uint32_t>(order.ranks.size()));
  for (const int rank : order.ranks) writer.I32(rank);
  return writer.Take();
}

StartOrder ParseStartOrder(std::string_view text) {
  net::FrameReader reader(text);
  StartOrder order;
  order.folder = reader.Text(text.size());
  order.command = ReadTexts(reader);
  order.env = ReadTexts(reader);
  order.ranks = ReadNumbers(reader);
  CONVOY_CHECK(reader.Finished(), "[tools/launch] expected a whole order, got {} bytes {}",
               text.size(), reader.ok() ? "that go on after its end" : "of one that is cut short");
  CONVOY_CHECK(!order.command.empty() && !order.ranks.empty(),
               "[tools/launch] expected a command and workers, got {} words and {} workers",
               order.command.size(), order.ranks.size());
  return order;
}

MessageReader::MessageReader() : frame_(kHeaderBytes + kMaxText) {}

void MessageReader::Append(std::string_view bytes) {
  buffer_.erase(0, used_);
  used_ = 0;
  buffer_ += bytes;
}

bool MessageReader::SkipGreeting() {
  if (greeted_) return true;
  const size_t at = buffer_.find(kPreamble);
  CONVOY_CHECK(at != buffer_.npos || buffer_.size() <= kMaxGreeting,
               "[tools/launch] expected the agent's first words, got {} other bytes",
               buffer_.size());
  if (at == buffer_.npos) return false;
  used_ = at + kPreamble.size();
  greeted_ = true;
  return true;
}

std::optional<Message> MessageReader::Next() {
  if (!SkipGreeting()) return {};
  std::string_view rest = std::string_view(buffer_).substr(used_);
  const net::FrameAssembler::State state = frame_.Feed(rest);
  used_ = buffer_.size() - rest.size();
  if (state == net::FrameAssembler::State::kMore) return {};
  const size_t bytes = frame_.announced_bytes();
  CONVOY_CHECK(bytes >= kHeaderBytes, "[tools/launch] expected at least {} bytes at once, got {}",
               kHeaderBytes, bytes);
  CONVOY_CHECK(state == net::FrameAssembler::State::kWhole,
               "[tools/launch] expected at most {} bytes at once, got {}", kMaxText,
               bytes - kHeaderBytes);
  net::FrameReader body(frame_.body());
  Message message{.kind = static_cast<MessageKind>(body.U8()), .value = body.I32()};
  message.text = body.Raw(body.rest_bytes());
  frame_.Restart(kHeaderBytes + kMaxText);
  return message;
}

}  // namespace convoy::launcher
