// Frames: bounded, read only inside, put together from any pieces.
#include "parallel/net/frame.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <string>

#include "parallel/store/store_messages.h"

namespace convoy {
namespace {

using State = net::FrameAssembler::State;

// Feeds `bytes` in pieces of at most `piece`; the state after the last, and what was not asked for.
State Feed(net::FrameAssembler& assembler, std::string_view& bytes, size_t piece) {
  State state = State::kMore;
  while (!bytes.empty() && state == State::kMore) {
    const std::span<char> want = assembler.Want();
    const size_t n = std::min({want.size(), bytes.size(), piece});
    std::memcpy(want.data(), bytes.data(), n);
    bytes.remove_prefix(n);
    state = assembler.Got(n);
  }
  return state;
}

TEST_CASE("A frame is read as it was written, little-endian") {
  const std::string frame = net::FrameWriter(7).U16(0x0102).I32(-2).F64(1.5).Text("abc").Take();
  CHECK(frame.substr(0, 7) == std::string("\x16\0\0\0\x07\x02\x01", 7));
  net::FrameReader reader(std::string_view(frame).substr(4));
  CHECK(reader.U8() == 7);
  CHECK(reader.U16() == 0x0102);
  CHECK(reader.I32() == -2);
  CHECK(reader.F64() == 1.5);
  CHECK_FALSE(reader.Finished());
  CHECK(reader.Text(3) == "abc");
  CHECK(reader.Finished());
}

TEST_CASE("A read past the end, or a text longer than allowed, is a fault that stays") {
  const std::string frame = net::FrameWriter(1).Text("abcdef").Take();
  net::FrameReader reader(std::string_view(frame).substr(4));
  reader.U8();
  CHECK(reader.Text(5).empty());
  CHECK_FALSE(reader.ok());
  CHECK(reader.U8() == 0);
  net::FrameReader shorter(std::string_view(frame).substr(4, 8));
  shorter.U8();
  CHECK(shorter.Text(100).empty());
  CHECK_FALSE(shorter.ok());
}

TEST_CASE("Frames come together from any pieces, and no byte behind is asked for") {
  const size_t piece = GENERATE(1, 3, 1000, 1000000);
  const std::string text(200'000, 'x');
  const std::string frame = net::FrameWriter(1).Raw(text).Take();
  const std::string bytes = frame + frame;
  std::string_view rest = bytes;
  net::FrameAssembler assembler(net::kMaxFrameBytes);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(Feed(assembler, rest, piece) == State::kWhole);
    CHECK(assembler.body() == std::string_view(frame).substr(4));
    CHECK(rest.size() == (i == 0 ? frame.size() : 0));
    assembler.Restart(net::kMaxFrameBytes);
  }
}

TEST_CASE("The length is refused before there is a body") {
  for (const uint32_t length : {0u, 257u, 1u << 20, 0xffffffffu}) {
    net::FrameAssembler assembler(net::kMaxUnauthenticatedFrameBytes);
    std::string bytes(4, '\0');
    for (int i = 0; i < 4; ++i) {
      bytes[static_cast<size_t>(i)] = static_cast<char>(length >> 8 * i & 0xff);
    }
    std::string_view rest = bytes;
    CHECK(Feed(assembler, rest, 4) == State::kTooLong);
  }
  net::FrameAssembler assembler(net::kMaxFrameBytes);
  std::string_view longest("\0\0\x10\0", 4);
  CHECK(Feed(assembler, longest, 4) == State::kMore);
  CHECK(assembler.Want().size() <= 64 << 10);  // memory comes with the bytes
}

TEST_CASE("Requests and replies are read as they were written, and nothing less or more is one") {
  store::StoreRequest request{
      .kind = store::StoreRequest::Kind::kWait, .keys = {"a", "bc"}, .timeout_ms = 250};
  store::StoreReply reply{
      .kind = store::StoreReply::Kind::kMissing, .text = "t", .sum = -1, .keys = {"k"}};
  reply.missing = 3;
  const std::string asked = Frame(request).substr(4), told = Frame(reply).substr(4);
  const auto request_again = store::ParseStoreRequest(asked);
  REQUIRE(request_again);
  CHECK(request_again->keys == request.keys);
  CHECK(request_again->timeout_ms == 250);
  const auto reply_again = store::ParseStoreReply(told);
  REQUIRE(reply_again);
  CHECK(reply_again->sum == -1);
  CHECK(reply_again->missing == 3);
  for (size_t n = 0; n < asked.size(); ++n) {
    INFO("cut to " << n << " of " << asked.size() << " bytes");
    CHECK_FALSE(store::ParseStoreRequest(asked.substr(0, n)).has_value());
  }
  for (size_t n = 0; n < told.size(); ++n) {
    INFO("cut to " << n << " of " << told.size() << " bytes");
    CHECK_FALSE(store::ParseStoreReply(told.substr(0, n)).has_value());
  }
  CHECK_FALSE(store::ParseStoreRequest(asked + '\0'));
  CHECK_FALSE(store::ParseStoreReply(told + '\0'));
}

TEST_CASE("A request that promises more than is there, or too long a key, is none") {
  const auto body = [](const std::string& frame) { return frame.substr(4); };
  const auto kind = static_cast<uint8_t>(store::StoreRequest::Kind::kWait);
  const uint32_t many = std::numeric_limits<uint32_t>::max();
  CHECK_FALSE(store::ParseStoreRequest(body(net::FrameWriter(kind).U32(many).Take())));
  CHECK_FALSE(store::ParseStoreRequest(body(net::FrameWriter(kind).U32(1).U32(many).Take())));
  CHECK_FALSE(store::ParseStoreRequest(body(net::FrameWriter(kind)
                                                .U32(1)
                                                .Text(std::string(store::kMaxKeyBytes + 1, 'k'))
                                                .U64(0)
                                                .Take())));
  CHECK_FALSE(store::ParseStoreRequest(body(net::FrameWriter(99).U32(1).Text("k").U64(0).Take())));
  store::StoreRequest two{.kind = store::StoreRequest::Kind::kSet, .keys = {"a", "b"}};
  CHECK_FALSE(store::ParseStoreRequest(body(Frame(two))));
}

}  // namespace
}  // namespace convoy
