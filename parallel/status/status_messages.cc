// What the status pages of a job's processes tell each other, as frames.
#include "parallel/status/status_messages.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/host_name.h"
#include "parallel/group/limits.h"
#include "parallel/net/frame.h"

namespace convoy::status {
namespace {

constexpr size_t kMaxHostBytes = 256;
constexpr size_t kMaxWhatBytes = 1024;
constexpr size_t kMaxTextBytes = 8192;
constexpr size_t kSignatureBytes = 8 + 3 + 4 + 8;
constexpr size_t kStateBytes = 4 + 1 + 8 + 4;

std::string_view Cut(const std::string& text, size_t max) {
  return std::string_view(text).substr(0, max);
}

struct Put {
  net::FrameWriter& out;

  void operator()(const StatusJoin& join) {
    out.I32(join.size).I32(join.process.pid).Text(Cut(join.process.host, kMaxHostBytes));
  }
  void operator()(const StatusUpdate& update) {
    out.U8(static_cast<uint8_t>(update.state)).U64(update.ready);
    out.Text(Cut(update.what, kMaxWhatBytes)).U32(static_cast<uint32_t>(update.started.size()));
    for (const auto& [number, signature] : update.started) {
      out.U64(number)
          .U8(static_cast<uint8_t>(signature.kind))
          .U8(static_cast<uint8_t>(signature.op))
          .U8(static_cast<uint8_t>(signature.dtype))
          .I32(signature.root)
          .I64(signature.numel);
    }
    out.Text(Cut(update.in_subgroup, kMaxWhatBytes));
  }
  void operator()(const StatusLate& late) {
    out.U64(late.late.number).F64(late.late.seconds).Text(Cut(late.late.what, kMaxWhatBytes));
  }
  void operator()(const StatusFailure& failure) { out.Text(Cut(failure.text, kMaxTextBytes)); }
  void operator()(const StatusRefusal& refusal) {
    out.Text(Cut(refusal.text, kMaxTextBytes)).U8(refusal.later);
  }
  void operator()(const StatusStates& states) {
    out.U32(static_cast<uint32_t>(states.entries.size()));
    for (const StatusStates::Entry& entry : states.entries) {
      out.I32(entry.rank).U8(static_cast<uint8_t>(entry.state)).U64(entry.started);
      out.Text(Cut(entry.how_died, kMaxWhatBytes));
    }
  }
  void operator()(const StatusComplete&) {}
  void operator()(const StatusReport&) {}
  void operator()(const StatusAddress& address) {
    out.Raw({address.bytes.data(), address.bytes.size()});
  }
};

// An enumerator up to `last`; anything else is a fault of the frame.
template <typename Enum>
Enum GetEnum(net::FrameReader& in, Enum last, bool& fault) {
  const uint8_t value = in.U8();
  if (value > static_cast<uint8_t>(last)) fault = true;
  return fault ? Enum{} : static_cast<Enum>(value);
}

// A count of things of at least `bytes` each, which must be there.
size_t GetCount(net::FrameReader& in, size_t bytes, bool& fault) {
  const size_t count = in.U32();
  if (count > in.rest_bytes() / bytes) fault = true;
  return fault ? 0 : count;
}

struct Get {
  net::FrameReader& in;
  bool& fault;

  void operator()(StatusJoin& join) {
    join.size = in.I32();
    join.process.pid = in.I32();
    join.process.host = in.Text(kMaxHostBytes);
  }
  void operator()(StatusUpdate& update) {
    update.state = GetEnum(in, StatusPage::State::kFinished, fault);
    update.ready = in.U64();
    update.what = in.Text(kMaxWhatBytes);
    update.started.resize(GetCount(in, kSignatureBytes, fault));
    uint64_t last = 0;
    for (auto& [number, signature] : update.started) {
      number = in.U64();
      if (number <= std::exchange(last, number)) fault = true;
      signature.kind = GetEnum(in, CollectiveKind::kReplay, fault);
      signature.op = GetEnum(in, ReduceOp::kMin, fault);
      signature.dtype = GetEnum(in, DType::kBool, fault);
      signature.root = in.I32();
      signature.numel = in.I64();
    }
    update.in_subgroup = in.Text(kMaxWhatBytes);
  }
  void operator()(StatusLate& late) {
    late.late.number = in.U64();
    late.late.seconds = in.F64();
    late.late.what = in.Text(kMaxWhatBytes);
  }
  void operator()(StatusFailure& failure) { failure.text = in.Text(kMaxTextBytes); }
  void operator()(StatusRefusal& refusal) {
    refusal.text = in.Text(kMaxTextBytes);
    const uint8_t later = in.U8();
    if (later > 1) fault = true;
    refusal.later = later == 1;
  }
  void operator()(StatusStates& states) {
    states.entries.resize(GetCount(in, kStateBytes, fault));
    for (StatusStates::Entry& entry : states.entries) {
      entry.rank = in.I32();
      if (entry.rank < 0 || entry.rank >= kMaxWorkers) fault = true;
      entry.state = GetEnum(in, StatusPage::State::kDead, fault);
      entry.started = in.U64();
      entry.how_died = in.Text(kMaxWhatBytes);
    }
  }
  void operator()(StatusComplete&) {}
  void operator()(StatusReport&) {}
  void operator()(StatusAddress& address) {
    const std::string_view bytes = in.Raw(address.bytes.size());
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  }
};

// The alternative of that kind, empty.
template <size_t kIndex = 0>
std::optional<StatusMessage> OfKind(uint8_t kind) {
  if constexpr (kIndex == std::variant_size_v<StatusMessage>) {
    return {};
  } else {
    if (kind == kIndex) return StatusMessage(std::in_place_index<kIndex>);
    return OfKind<kIndex + 1>(kind);
  }
}

}  // namespace

std::string ProcessName::ToString() const { return fmt::format("pid {} on host {}", pid, host); }

ProcessName ProcessName::Own() {
  return {.host = HostName().substr(0, kMaxHostBytes - 1), .pid = getpid()};
}

std::string Frame(const StatusMessage& message) {
  // Its kind is the index of its type.
  net::FrameWriter writer(static_cast<uint8_t>(message.index()));
  std::visit(Put{writer}, message);
  return writer.Take();
}

std::optional<StatusMessage> ParseStatusMessage(std::string_view body) {
  net::FrameReader reader(body);
  std::optional<StatusMessage> message = OfKind(reader.U8());
  if (!message) return {};
  bool fault = false;
  std::visit(Get{reader, fault}, *message);
  if (fault || !reader.Finished()) return {};
  return message;
}

}  // namespace convoy::status
