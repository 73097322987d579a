// What travels between the processes of a job: frames of bounded length, all little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace convoy::net {

// On the wire: u32 length of the body, then the body, whose first byte says what it is. Nothing
// here throws on bad input, and no length is believed before it was compared with a limit.

/// The longest body from a peer that has not proved that it belongs to the job.
inline constexpr size_t kMaxUnauthenticatedFrameBytes = 256;
inline constexpr size_t kMaxFrameBytes = size_t{1} << 20;
inline constexpr size_t kFrameLengthBytes = 4;
/// Behind each body once both ends have proved themselves (frame_mac.h).
inline constexpr size_t kMacBytes = 16;
inline constexpr size_t kMaxSignedFrameBytes = kMaxFrameBytes + kMacBytes;

/// Writes one frame.
class FrameWriter {
 public:
  explicit FrameWriter(uint8_t kind);

  FrameWriter& U8(uint8_t value) { return Put(value, 1); }
  FrameWriter& U16(uint16_t value) { return Put(value, 2); }
  FrameWriter& U32(uint32_t value) { return Put(value, 4); }
  FrameWriter& U64(uint64_t value) { return Put(value, 8); }
  FrameWriter& I32(int32_t value) { return U32(static_cast<uint32_t>(value)); }
  FrameWriter& I64(int64_t value) { return U64(static_cast<uint64_t>(value)); }
  FrameWriter& F64(double value);
  /// As it is; the reader must know its length.
  FrameWriter& Raw(std::string_view bytes);
  /// With its length before it (u32).
  FrameWriter& Text(std::string_view text);

  /// The whole frame, with its length.
  std::string Take();

 private:
  FrameWriter& Put(uint64_t value, int bytes);

  std::string bytes_;
};

/// Reads a frame's body from front to back. After a read past the end, or a text longer than
/// allowed, it stays in fault: every further read gives zero or an empty text.
class FrameReader {
 public:
  explicit FrameReader(std::string_view body) : rest_(body) {}

  uint8_t U8() { return static_cast<uint8_t>(Get(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Get(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Get(4)); }
  uint64_t U64() { return Get(8); }
  int32_t I32() { return static_cast<int32_t>(U32()); }
  int64_t I64() { return static_cast<int64_t>(U64()); }
  double F64();
  std::string_view Raw(size_t bytes);
  std::string_view Text(size_t max_bytes);

  bool ok() const { return ok_; }
  size_t rest_bytes() const { return rest_.size(); }
  /// Everything was read and was as long as it said.
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  uint64_t Get(int bytes);

  std::string_view rest_;
  bool ok_ = true;
};

/// Puts one frame together from the pieces in which it arrives. Asks for no byte behind it, and
/// holds no more memory than has arrived, give or take 64 KiB.
class FrameAssembler {
 public:
  explicit FrameAssembler(size_t max_body_bytes) : max_body_(max_body_bytes) {}

  /// Where the next bytes belong; never empty.
  std::span<char> Want();

  enum class State {
    kMore,     ///< Want() again
    kWhole,    ///< body() is there
    kTooLong,  ///< the peer announces more than it may, or nothing
  };
  /// After `bytes` have been written to the start of what Want() gave.
  State Got(size_t bytes);
  /// Takes from the front of `bytes` what belongs to the frame. With kMore, all of it.
  State Feed(std::string_view& bytes);

  /// The length of the body that the peer has announced, valid with kWhole and kTooLong.
  size_t announced_bytes() const;
  /// Without its length; valid until the next call.
  std::string_view body() const;
  /// For the next frame.
  void Restart(size_t max_body_bytes);

 private:
  size_t max_body_;
  std::string bytes_;  // length and body, as far as they have come, and room behind
  size_t filled_ = 0;
  size_t total_ = 0;  // 0: not known yet
};

}  // namespace convoy::net
