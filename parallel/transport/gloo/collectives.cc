// The collectives over a mesh of connections: everybody sends directly to everybody.
#include "parallel/transport/gloo/collectives.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>

#include "parallel/transport/reduce.h"

namespace convoy::transport {
namespace {

// What is summed while the next one travels: large, since each costs both sides some wake-ups.
constexpr size_t kSegmentBytes = 2 << 20;
// How many of them may be under way from one worker.
constexpr uint64_t kWindow = 2;
// Parts begin at multiples of a cache line.
constexpr size_t kAlignBytes = 64;
// Tensors of up to this much, times the workers, are sent whole.
constexpr size_t kWholeBytes = 32 << 10;

// Slots of a collective: a segment of the first hop, or of the second.
constexpr uint64_t kSecondHop = uint64_t{1} << (MeshCollectives::kSlotBits - 1);

std::byte* Data(const Tensor& tensor) { return static_cast<std::byte*>(tensor.raw_data()); }

// A stretch of bytes, cut into segments: as many as there are slots for, whatever the size.
struct Segments {
  explicit Segments(size_t bytes_in)
      : bytes(bytes_in),
        length(std::max(kSegmentBytes, (bytes / (kSecondHop - 1) / kAlignBytes + 1) * kAlignBytes)),
        count((bytes + length - 1) / length) {}

  size_t OffsetOf(uint64_t i) const { return i * length; }
  size_t BytesOf(uint64_t i) const { return std::min(length, bytes - OffsetOf(i)); }

  size_t bytes, length;
  uint64_t count;
};

// A buffer per other worker, so that what arrives in it arrives in order.
class Exchange {
 public:
  explicit Exchange(Mesh& mesh) : mesh_(mesh), buffers_(static_cast<size_t>(mesh.size())) {}

  MeshBuffer& Add(int other, std::byte* data, size_t bytes) {
    auto& buffer = buffers_[static_cast<size_t>(other)];
    buffer = std::make_unique<MeshBuffer>(mesh_, data, bytes);
    return *buffer;
  }
  MeshBuffer& operator[](int other) { return *buffers_[static_cast<size_t>(other)]; }

  // The one after this worker first, so that not all send to the same one.
  template <class F>
  void ForOthers(F&& f) const {
    for (int i = 1; i < mesh_.size(); ++i) f((mesh_.rank() + i) % mesh_.size());
  }

  void Settle() {
    for (auto& buffer : buffers_) {
      if (buffer) buffer->Settle();
    }
  }

 private:
  Mesh& mesh_;
  std::vector<std::unique_ptr<MeshBuffer>> buffers_;  // by rank; null: this worker's own
};

// The first hop of a reduction: parts of `input` go to their workers, and this worker's part is
// summed in rank order into `output`.
struct ReducedPart {
  Mesh& mesh;
  const CollectiveCall& call;
  uint64_t slot;
  const std::vector<int64_t>& parts;
  std::byte* output;  // of this worker's part
  std::vector<std::byte>& scratch;

  // Calls `done(segment, offset, bytes)` for every segment of the part, once it is summed.
  void Run(const std::function<void(uint64_t, size_t, size_t)>& done) const {
    const size_t element = SizeOf(call.input.dtype());
    std::byte* const input = Data(call.input);
    const auto begin = [&](int r) { return static_cast<size_t>(parts[r]) * element; };
    const Segments mine(begin(mesh.rank() + 1) - begin(mesh.rank()));
    // Of every other worker, a window of what it sends.
    const size_t window = std::min(mine.bytes, mine.length * kWindow);
    scratch.resize(std::max(scratch.size(), window * static_cast<size_t>(mesh.size() - 1)));

    Exchange in(mesh), out(mesh);
    std::vector<std::byte*> places(static_cast<size_t>(mesh.size()));
    std::byte* place = scratch.data();
    const auto receive = [&](int other, uint64_t i) {
      if (i >= mine.count) return;
      in[other].Recv(other, slot + i, mine.OffsetOf(i % kWindow), mine.BytesOf(i));
    };
    in.ForOthers([&](int other) {
      places[static_cast<size_t>(other)] = place;
      in.Add(other, place, window);
      place += window;
      for (uint64_t i = 0; i < kWindow; ++i) receive(other, i);
    });
    out.ForOthers([&](int other) {
      const Segments theirs(begin(other + 1) - begin(other));
      MeshBuffer& buffer = out.Add(other, input + begin(other), theirs.bytes);
      for (uint64_t i = 0; i < theirs.count; ++i) {
        buffer.Send(other, slot + i, theirs.OffsetOf(i), theirs.BytesOf(i));
      }
    });
    std::vector<void*> terms(places.size());
    for (uint64_t i = 0; i < mine.count; ++i) {
      const size_t offset = mine.OffsetOf(i), bytes = mine.BytesOf(i);
      in.ForOthers([&](int other) {
        in[other].AwaitRecv();
        terms[static_cast<size_t>(other)] =
            places[static_cast<size_t>(other)] + mine.OffsetOf(i % kWindow);
      });
      terms[static_cast<size_t>(mesh.rank())] = input + begin(mesh.rank()) + offset;
      void* target[] = {output + offset};
      ReduceInOrder(call.input.dtype(), call.op, terms, 0, target, 0,
                    static_cast<int64_t>(bytes / element));
      in.ForOthers([&](int other) { receive(other, i + kWindow); });
      done(i, offset, bytes);
    }
    out.Settle();
  }
};

}  // namespace

void MeshCollectives::Run(const CollectiveCall& call, uint64_t slot) {
  switch (call.kind) {
    case CollectiveKind::kAllReduce:
      return AllReduce(call, slot);
    case CollectiveKind::kReduceScatter:
      return ReduceScatter(call, slot);
    case CollectiveKind::kAllGather:
      return AllGather(call, slot);
    case CollectiveKind::kAllToAll:
      return AllToAll(call, slot);
    case CollectiveKind::kBroadcast:
      return Broadcast(call, slot);
    default:
      return Barrier(slot);
  }
}

MeshCollectives::Parts MeshCollectives::Split(int64_t numel, size_t element_bytes) const {
  const int64_t unit = static_cast<int64_t>(kAlignBytes / element_bytes);
  const int64_t units = (numel + unit - 1) / unit;
  Parts parts;
  for (int r = 0; r <= mesh_.size(); ++r) {
    parts.push_back(std::min(numel, units * r / mesh_.size() * unit));
  }
  return parts;
}

void MeshCollectives::AllReduce(const CollectiveCall& call, uint64_t slot) {
  const Tensor& tensor = call.input;
  const size_t total = tensor.bytes();
  if (mesh_.size() == 1 || total == 0) return;
  if (total * static_cast<size_t>(mesh_.size()) <= kWholeBytes) return AllReduceWhole(call, slot);

  const size_t element = SizeOf(tensor.dtype());
  const Parts parts = Split(tensor.numel(), element);
  const auto begin = [&](int r) { return static_cast<size_t>(parts[r]) * element; };
  // The second hop is ready for before the first one starts: a worker may send its sum of a segment
  // as soon as it has this one's term of it.
  Exchange gather(mesh_);
  gather.ForOthers([&](int other) {
    MeshBuffer& buffer = gather.Add(other, Data(tensor), total);
    const Segments theirs(begin(other + 1) - begin(other));
    for (uint64_t i = 0; i < theirs.count; ++i) {
      buffer.Recv(other, slot + kSecondHop + i, begin(other) + theirs.OffsetOf(i),
                  theirs.BytesOf(i));
    }
  });
  const ReducedPart reduce{mesh_, call, slot, parts, Data(tensor) + begin(mesh_.rank()), scratch_};
  reduce.Run([&](uint64_t i, size_t offset, size_t bytes) {
    gather.ForOthers([&](int other) {
      gather[other].Send(other, slot + kSecondHop + i, begin(mesh_.rank()) + offset, bytes);
    });
  });
  gather.Settle();
}

// Everybody sends all it has to everybody, and sums for itself.
void MeshCollectives::AllReduceWhole(const CollectiveCall& call, uint64_t slot) {
  const size_t total = call.input.bytes();
  scratch_.resize(std::max(scratch_.size(), total * static_cast<size_t>(mesh_.size())));
  std::byte* const scratch = scratch_.data();
  std::vector<void*> terms;
  for (int r = 0; r < mesh_.size(); ++r) {
    terms.push_back(scratch + total * static_cast<size_t>(r));
  }
  // A copy of its own term: the sum replaces the tensor while slower connections still read it.
  std::memcpy(terms[static_cast<size_t>(mesh_.rank())], call.input.raw_data(), total);
  Exchange in(mesh_);
  in.ForOthers([&](int other) {
    in.Add(other, static_cast<std::byte*>(terms[static_cast<size_t>(other)]), total)
        .Recv(other, slot, 0, total);
  });
  MeshBuffer out(mesh_, terms[static_cast<size_t>(mesh_.rank())], total);
  in.ForOthers([&](int other) { out.Send(other, slot, 0, total); });
  in.Settle();
  void* target[] = {call.input.raw_data()};
  ReduceInOrder(call.input.dtype(), call.op, terms, 0, target, 0, call.input.numel());
  out.Settle();
}

void MeshCollectives::ReduceScatter(const CollectiveCall& call, uint64_t slot) {
  if (call.output.bytes() == 0) return;
  Parts parts;
  for (int r = 0; r <= mesh_.size(); ++r) parts.push_back(call.output.numel() * r);
  const ReducedPart reduce{mesh_, call, slot, parts, Data(call.output), scratch_};
  reduce.Run([](uint64_t, size_t, size_t) {});
}

void MeshCollectives::AllGather(const CollectiveCall& call, uint64_t slot) {
  const size_t mine = call.input.bytes();
  if (mine == 0) return;
  std::byte* const output = Data(call.output);
  Exchange exchange(mesh_);
  exchange.ForOthers([&](int other) {
    exchange.Add(other, output + mine * static_cast<size_t>(other), mine)
        .Recv(other, slot, 0, mine);
  });
  MeshBuffer out(mesh_, call.input.raw_data(), mine);
  exchange.ForOthers([&](int other) { out.Send(other, slot, 0, mine); });
  std::byte* const own = output + mine * static_cast<size_t>(mesh_.rank());
  if (own != call.input.raw_data()) std::memcpy(own, call.input.raw_data(), mine);
  exchange.Settle();
  out.Settle();
}

void MeshCollectives::AllToAll(const CollectiveCall& call, uint64_t slot) {
  const size_t part = call.input.bytes() / static_cast<size_t>(mesh_.size());
  if (part == 0) return;
  Exchange in(mesh_), out(mesh_);
  const auto place = [&](int r) { return part * static_cast<size_t>(r); };
  in.ForOthers([&](int other) {
    in.Add(other, Data(call.output) + place(other), part).Recv(other, slot, 0, part);
  });
  out.ForOthers([&](int other) {
    out.Add(other, Data(call.input) + place(other), part).Send(other, slot, 0, part);
  });
  std::memcpy(Data(call.output) + place(mesh_.rank()), Data(call.input) + place(mesh_.rank()),
              part);
  in.Settle();
  out.Settle();
}

// The root gives every worker a part, and that one passes it on to all: the root's link carries the
// tensor twice, however many workers there are. Small tensors go from the root to everybody.
void MeshCollectives::Broadcast(const CollectiveCall& call, uint64_t slot) {
  const size_t total = call.input.bytes();
  if (total == 0 || mesh_.size() == 1) return;
  const int rank = mesh_.rank(), root = call.root;
  const bool whole = mesh_.size() == 2 || total <= kWholeBytes;
  const size_t element = SizeOf(call.input.dtype());
  const Parts parts = Split(call.input.numel(), element);
  const auto begin = [&](int r) {
    return whole ? (r > root ? total : size_t{0}) : static_cast<size_t>(parts[r]) * element;
  };
  MeshBuffer buffer(mesh_, call.input.raw_data(), total);
  Exchange exchange(mesh_);
  const auto bytes = [&](int r) { return begin(r + 1) - begin(r); };
  if (rank == root) {
    exchange.ForOthers([&](int other) {
      buffer.Send(other, slot, begin(other), bytes(other));
      buffer.Send(other, slot + kSecondHop, begin(rank), bytes(rank));
    });
  } else {
    buffer.Recv(root, slot, begin(rank), bytes(rank));
    Exchange parts_of(mesh_);
    parts_of.ForOthers([&](int other) {
      parts_of.Add(other, Data(call.input), total)
          .Recv(other, slot + kSecondHop, begin(other), bytes(other));
    });
    if (bytes(rank) > 0) buffer.AwaitRecv();
    exchange.ForOthers([&](int other) {
      if (other != root) buffer.Send(other, slot + kSecondHop, begin(rank), bytes(rank));
    });
    parts_of.Settle();
  }
  buffer.Settle();
}

void MeshCollectives::Barrier(uint64_t slot) {
  std::byte sent{};
  std::vector<std::byte> received(static_cast<size_t>(mesh_.size()));
  MeshBuffer out(mesh_, &sent, 1);
  Exchange in(mesh_);
  in.ForOthers(
      [&](int other) { in.Add(other, received.data() + other, 1).Recv(other, slot, 0, 1); });
  in.ForOthers([&](int other) { out.Send(other, slot, 0, 1); });
  in.Settle();
  out.Settle();
}

}  // namespace convoy::transport
