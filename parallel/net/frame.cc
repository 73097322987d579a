// What travels between the processes of a job: frames of bounded length, all little-endian.
#include "parallel/net/frame.h"

#include <algorithm>
#include <bit>

namespace convoy::net {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

}  // namespace

FrameWriter::FrameWriter(uint8_t kind) : bytes_(kFrameLengthBytes, '\0') { U8(kind); }

FrameWriter& FrameWriter::Put(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return *this;
}

FrameWriter& FrameWriter::F64(double value) { return U64(std::bit_cast<uint64_t>(value)); }

FrameWriter& FrameWriter::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

FrameWriter& FrameWriter::Text(std::string_view text) {
  return U32(static_cast<uint32_t>(text.size())).Raw(text);
}

std::string FrameWriter::Take() {
  const uint64_t body = bytes_.size() - kFrameLengthBytes;
  for (size_t i = 0; i < kFrameLengthBytes; ++i) {
    bytes_[i] = static_cast<char>(body >> (8 * i) & 0xff);
  }
  return std::move(bytes_);
}

uint64_t FrameReader::Get(int bytes) {
  const std::string_view raw = Raw(static_cast<size_t>(bytes));
  uint64_t value = 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
  }
  return value;
}

double FrameReader::F64() { return std::bit_cast<double>(U64()); }

std::string_view FrameReader::Raw(size_t bytes) {
  if (!ok_ || bytes > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view raw = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return raw;
}

std::string_view FrameReader::Text(size_t max_bytes) {
  const size_t bytes = U32();
  if (bytes > max_bytes) ok_ = false;
  return Raw(bytes);
}

std::span<char> FrameAssembler::Want() {
  const size_t target = total_ == 0 ? kFrameLengthBytes : total_;
  const size_t piece = std::min(target - filled_, kPieceBytes);
  bytes_.resize(filled_ + piece);
  return {bytes_.data() + filled_, piece};
}

FrameAssembler::State FrameAssembler::Got(size_t bytes) {
  filled_ += bytes;
  if (total_ == 0) {
    if (filled_ < kFrameLengthBytes) return State::kMore;
    const size_t body = announced_bytes();
    if (body == 0 || body > max_body_) return State::kTooLong;
    total_ = kFrameLengthBytes + body;
  }
  return filled_ < total_ ? State::kMore : State::kWhole;
}

FrameAssembler::State FrameAssembler::Feed(std::string_view& bytes) {
  State state = State::kMore;
  while (state == State::kMore && !bytes.empty()) {
    const std::span<char> want = Want();
    const size_t count = std::min(want.size(), bytes.size());
    std::copy_n(bytes.begin(), count, want.begin());
    bytes.remove_prefix(count);
    state = Got(count);
  }
  return state;
}

size_t FrameAssembler::announced_bytes() const {
  return FrameReader(std::string_view(bytes_).substr(0, kFrameLengthBytes)).U32();
}

std::string_view FrameAssembler::body() const {
  return std::string_view(bytes_).substr(kFrameLengthBytes, total_ - kFrameLengthBytes);
}

void FrameAssembler::Restart(size_t max_body_bytes) {
  max_body_ = max_body_bytes;
  // A long frame is rare, and its memory not worth keeping.
  if (bytes_.capacity() > kPieceBytes) std::string().swap(bytes_);
  filled_ = total_ = 0;
}

}  // namespace convoy::net
