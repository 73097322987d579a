// What the launcher and its agent on each host say to each other over a pipe.
#include "tools/launcher/frames.h"

#include <cstring>

#include "core/base/error.h"

namespace convoy {
namespace {

constexpr size_t kHeader = 9;  // kind, value, length of the text
constexpr size_t kMaxText = 16 << 20;
constexpr size_t kMaxGreeting = 64 << 10;

void Append(std::string& to, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(number >> shift & 0xff);
}

uint32_t NumberAt(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return number;
}

void AppendTexts(std::string& to, const std::vector<std::string>& texts) {
  Append(to, static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) {
    Append(to, static_cast<uint32_t>(text.size()));
    to += text;
  }
}

// Takes numbers and texts off the front.
class Parser {
 public:
  explicit Parser(std::string_view bytes) : rest_(bytes) {}

  uint32_t Number() {
    const std::string_view bytes = Take(4);
    return NumberAt(bytes, 0);
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts(CheckedCount());
    for (std::string& text : texts) text = Take(Number());
    return texts;
  }
  std::vector<int> Numbers() {
    std::vector<int> numbers(CheckedCount());
    for (int& number : numbers) number = static_cast<int>(Number());
    return numbers;
  }

 private:
  std::string_view Take(size_t count) {
    CONVOY_CHECK(count <= rest_.size(), "[tools/launch] expected {} more bytes of an order, got {}",
                 count, rest_.size());
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  // Each one that follows takes four bytes at least.
  size_t CheckedCount() {
    const size_t count = Number();
    CONVOY_CHECK(count <= rest_.size() / 4,
                 "[tools/launch] expected {} parts of an order, got less", count);
    return count;
  }

  std::string_view rest_;
};

}  // namespace

std::string Encode(const Frame& frame) {
  std::string bytes(1, static_cast<char>(frame.kind));
  Append(bytes, static_cast<uint32_t>(frame.value));
  Append(bytes, static_cast<uint32_t>(frame.text.size()));
  return bytes + frame.text;
}

std::optional<Frame> FrameReader::Next() {
  if (!greeted_) {
    const size_t at = buffer_.find(kPreamble);
    CONVOY_CHECK(at != buffer_.npos || buffer_.size() <= kMaxGreeting,
                 "[tools/launch] expected the agent's first words, got {} other bytes",
                 buffer_.size());
    if (at == buffer_.npos) return {};
    buffer_.erase(0, at + kPreamble.size());
    greeted_ = true;
  }
  if (buffer_.size() < kHeader) return {};
  const size_t length = NumberAt(buffer_, 5);
  CONVOY_CHECK(length <= kMaxText, "[tools/launch] expected at most {} bytes at once, got {}",
               kMaxText, length);
  if (buffer_.size() < kHeader + length) return {};
  Frame frame{.kind = static_cast<FrameKind>(buffer_[0]),
              .value = static_cast<int32_t>(NumberAt(buffer_, 1)),
              .text = buffer_.substr(kHeader, length)};
  buffer_.erase(0, kHeader + length);
  return frame;
}

std::string Encode(const StartOrder& order) {
  std::string bytes;
  AppendTexts(bytes, {order.folder});
  AppendTexts(bytes, order.command);
  AppendTexts(bytes, order.env);
  Append(bytes, static_cast<uint32_t>(order.ranks.size()));
  for (const int rank : order.ranks) Append(bytes, static_cast<uint32_t>(rank));
  return bytes;
}

StartOrder ParseStartOrder(std::string_view text) {
  Parser parser(text);
  StartOrder order;
  const std::vector<std::string> folder = parser.Texts();
  CONVOY_CHECK(folder.size() == 1, "[tools/launch] expected one folder, got {}", folder.size());
  order.folder = folder[0];
  order.command = parser.Texts();
  order.env = parser.Texts();
  order.ranks = parser.Numbers();
  CONVOY_CHECK(!order.command.empty() && !order.ranks.empty(),
               "[tools/launch] expected a command and workers, got {} words and {} workers",
               order.command.size(), order.ranks.size());
  return order;
}

}  // namespace convoy
