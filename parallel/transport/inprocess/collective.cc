// One collective between threads: who has joined, and the chunks of work that it consists of.
#include "parallel/transport/inprocess/collective.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "parallel/transport/reduce.h"

namespace convoy::transport {
namespace {

// Small enough to stay in a core's cache with one copy per worker, large enough that claiming a
// chunk costs nothing.
constexpr int64_t kChunkBytes = 64 << 10;

}  // namespace

bool Collective::Join(int member, const CollectiveCall& call) {
  const size_t m = static_cast<size_t>(member);
  requests_[m] = call;
  requests_[m].what = {};
  joined_[m] = true;
  return ++num_joined_ == members_.size();
}

std::string Collective::Mismatch() const {
  const CollectiveCall& first = requests_[0];
  if (first.kind == CollectiveKind::kSend) {
    const Tensor& sent = first.input;
    const Tensor& expected = requests_[1].input;
    if (sent.dtype() == expected.dtype() && sent.numel() == expected.numel()) return {};
    return fmt::format("[Recv] worker {} expects {} {}, but worker {} sends {} {}", members_[1],
                       Name(expected.dtype()), expected.shape().ToString(), members_[0],
                       Name(sent.dtype()), sent.shape().ToString());
  }
  for (size_t m = 1; m < requests_.size(); ++m) {
    const CollectiveCall& other = requests_[m];
    CollectiveSignature a = SignatureOf(first), b = SignatureOf(other);
    if (a == b) continue;
    for (CollectiveSignature* of : {&a, &b}) {
      if (of->kind == CollectiveKind::kBroadcast) {
        of->root = members_[static_cast<size_t>(of->root)];
      }
    }
    const auto shape = [](const CollectiveCall& call) {
      return call.input.defined() ? call.input.shape().ToString() : std::string();
    };
    return DescribeMismatch(number_, members_[0], a, shape(first), members_[m], b, shape(other));
  }
  return {};
}

void Collective::Start() {
  start_ = std::chrono::steady_clock::now();
  const CollectiveCall& first = requests_[0];
  kind_ = first.kind;
  const int64_t size = static_cast<int64_t>(members_.size());
  int64_t parts = 1;
  if (first.input.defined()) {
    dtype_ = first.input.dtype();
    part_numel_ = first.input.numel();
    chunk_numel_ = kChunkBytes / static_cast<int64_t>(SizeOf(dtype_));
    for (size_t m = 0; m < requests_.size(); ++m) {
      inputs()[m] = requests_[m].input.raw_data();
      outputs()[m] = requests_[m].output.raw_data();
    }
  }
  switch (kind_) {
    case CollectiveKind::kAllReduce:
    case CollectiveKind::kBroadcast:
      if (size == 1) parts = 0;  // in place already
      break;
    case CollectiveKind::kAllGather:
      parts = size;
      break;
    case CollectiveKind::kReduceScatter:
      parts = size;
      part_numel_ /= size;
      break;
    case CollectiveKind::kAllToAll:
      parts = size * size;
      part_numel_ /= size;
      break;
    case CollectiveKind::kBarrier:
    case CollectiveKind::kSend:
    case CollectiveKind::kRecv:
    case CollectiveKind::kReplay:
      break;
  }
  if (part_numel_ > 0) {
    chunks_per_part_ = (part_numel_ + chunk_numel_ - 1) / chunk_numel_;
    chunks_ = parts * chunks_per_part_;
  }
  if (chunks_ == 0) Finish();
  ready_.store(true, std::memory_order_release);
  event_.Signal();
}

int64_t Collective::unclaimed() const {
  return std::max<int64_t>(chunks_ - next_chunk_.load(std::memory_order_relaxed), 0);
}

void Collective::Help(int64_t limit) {
  for (; limit > 0 && unclaimed() > 0; --limit) {
    const int64_t chunk = next_chunk_.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= chunks_) return;
    RunChunk(chunk);
    if (chunks_done_.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks_) {
      Finish();
      event_.Signal();
    }
  }
}

void Collective::RunChunk(int64_t chunk) {
  const int64_t part = chunk / chunks_per_part_;
  const int64_t begin = chunk % chunks_per_part_ * chunk_numel_;
  const int64_t n = std::min(chunk_numel_, part_numel_ - begin);
  const int64_t at = part * part_numel_ + begin;  // where the parts lie one after the other
  const size_t size = members_.size();
  const size_t p = static_cast<size_t>(part);

  const int64_t element = static_cast<int64_t>(SizeOf(dtype_));
  const auto copy = [&](size_t from, int64_t from_offset, size_t to, int64_t to_offset) {
    const char* source = static_cast<const char*>(inputs()[from]) + from_offset * element;
    char* target = static_cast<char*>(outputs()[to]) + to_offset * element;
    if (source != target) std::memcpy(target, source, static_cast<size_t>(n * element));
  };
  switch (kind_) {
    case CollectiveKind::kAllReduce:
      ReduceInOrder(dtype_, requests_[0].op, inputs(), begin, outputs(), begin, n);
      break;
    case CollectiveKind::kReduceScatter:
      ReduceInOrder(dtype_, requests_[0].op, inputs(), at, outputs().subspan(p, 1), begin, n);
      break;
    case CollectiveKind::kBroadcast: {
      const size_t root = static_cast<size_t>(requests_[0].root);
      for (size_t to = 0; to < size; ++to) {
        if (to != root) copy(root, begin, to, begin);
      }
      break;
    }
    case CollectiveKind::kAllGather:
      for (size_t to = 0; to < size; ++to) copy(p, begin, to, at);
      break;
    case CollectiveKind::kAllToAll: {
      const size_t from = p / size;
      const size_t to = p % size;
      copy(from, static_cast<int64_t>(to) * part_numel_ + begin, to,
           static_cast<int64_t>(from) * part_numel_ + begin);
      break;
    }
    case CollectiveKind::kSend:
      copy(0, begin, 1, begin);
      break;
    case CollectiveKind::kRecv:
    case CollectiveKind::kBarrier:
    case CollectiveKind::kReplay:
      break;
  }
}

void Collective::Finish() {
  for (CollectiveCall& request : requests_) request.input = request.output = Tensor();
  end_ = std::chrono::steady_clock::now();
  done_.store(true, std::memory_order_release);
}

}  // namespace convoy::transport
