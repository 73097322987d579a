// A grid of the run's workers with named axes, and a group of workers for each axis.
#include "parallel/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "parallel/transport/solo/solo_group.h"

namespace convoy {
namespace {

constexpr std::array<Axis, 5> kOrder = {Axis::kPipeline, Axis::kData, Axis::kContext, Axis::kExpert,
                                        Axis::kTensor};

}  // namespace

std::string_view Name(Axis axis) {
  constexpr std::array<std::string_view, 5> kNames = {"pipeline", "data", "context", "expert",
                                                      "tensor"};
  return kNames[static_cast<size_t>(axis)];
}

Mesh::Mesh(Worker& worker, const MeshOptions& options)
    : worker_(worker), sizes_(Resolve(options, worker.world_size())) {
  CheckSameEverywhere();
  for (const Axis axis : kOrder) Combined({axis});
}

// "data 2 x tensor 2", or "1" if no axis has more than one worker.
std::string Mesh::SizesText(const Sizes& sizes) {
  std::string text;
  for (const Axis axis : kOrder) {
    const int size = sizes[Index(axis)];
    if (size == 1) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " x ", Name(axis), size);
  }
  return text.empty() ? "1" : text;
}

Mesh::Sizes Mesh::Resolve(const MeshOptions& options, int workers) {
  Sizes sizes = {options.pipeline, options.data, options.context, options.expert, options.tensor};
  int64_t others = 1;
  for (const Axis axis : kOrder) {
    const int size = sizes[Index(axis)];
    const bool free = axis == Axis::kData && size == 0;
    CONVOY_CHECK(size >= 1 || free, "[Mesh] {}: expected a size of at least 1, got {}", Name(axis),
                 size);
    if (axis != Axis::kData) others = std::min<int64_t>(others * size, INT32_MAX);
  }
  Sizes asked = sizes;
  asked[Index(Axis::kData)] = 1;
  CONVOY_CHECK(workers % others == 0,
               "[Mesh] expected sizes that divide the {} workers, got {}; start a multiple of {} "
               "workers, or choose other sizes",
               workers, SizesText(asked), others);
  int& data = sizes[Index(Axis::kData)];
  const int left = static_cast<int>(workers / others);
  if (data == 0) data = left;
  CONVOY_CHECK(data == left,
               "[Mesh] expected sizes that use all {} workers, got {}; leave out data, which then "
               "is {}, or start {} workers",
               workers, SizesText(sizes), left, others * data);
  return sizes;
}

void Mesh::CheckSameEverywhere() const {
  const int workers = worker_.world_size();
  if (workers == 1) return;
  const auto count = static_cast<int64_t>(kAxes);
  const TensorOptions form{DType::kI32, worker_.device()};
  const Tensor mine =
      Tensor::From({count}, std::vector<int32_t>(sizes_.begin(), sizes_.end()), worker_.device());
  const Tensor all = Tensor::Empty({workers * count}, form);
  worker_.group().AllGather(mine, all).Wait();
  const std::vector<int32_t> given = all.ToVector<int32_t>();
  const std::vector<int> numbers = worker_.group().workers();
  const auto of = [&](int rank) {
    Sizes sizes;
    std::copy_n(given.begin() + rank * count, kAxes, sizes.begin());
    return sizes;
  };
  for (int r = 1; r < workers; ++r) {
    CONVOY_CHECK(of(r) == of(0),
                 "[Mesh] worker {} asks for {}, but worker {} for {}; all must ask for the same",
                 numbers[0], SizesText(of(0)), numbers[static_cast<size_t>(r)], SizesText(of(r)));
  }
}

int Mesh::RankOf(int rank, Axis axis) const {
  for (size_t faster = kAxes - 1; faster > Index(axis); --faster) rank /= sizes_[faster];
  return rank % size(axis);
}

unsigned Mesh::ManyOf(unsigned axes) const {
  for (const Axis axis : kOrder) {
    if (size(axis) == 1) axes &= ~(1u << Index(axis));
  }
  return axes;
}

Worker& Mesh::Combined(std::initializer_list<Axis> axes) {
  unsigned bits = 0;
  for (const Axis axis : axes) {
    const unsigned bit = 1u << Index(axis);
    CONVOY_CHECK((bits & bit) == 0, "[Mesh] expected different axes, got {} twice", Name(axis));
    bits |= bit;
  }
  return Get(ManyOf(bits));
}

Worker& Mesh::Get(unsigned axes) {
  if (const auto found = members_.find(axes); found != members_.end()) {
    return *found->second.worker;
  }
  Member member;
  if (axes == 0) {
    const std::vector<int> numbers = worker_.group().workers();
    member.group = std::make_shared<transport::SoloGroup>(
        worker_.device(), numbers[static_cast<size_t>(worker_.rank())]);
  } else if (axes != ManyOf(~0u)) {
    int color = 0;  // the place along all other axes
    for (const Axis axis : kOrder) {
      if ((axes >> Index(axis) & 1) == 0) color = color * size(axis) + rank(axis);
    }
    member.group = worker_.group().Split(color);
  }
  ProcessGroup& group = member.group ? *member.group : worker_.group();
  member.worker = std::make_unique<Worker>(group, worker_.device());
  return *members_.emplace(axes, std::move(member)).first->second.worker;
}

std::string Mesh::Describe() const {
  constexpr int kShown = 32;
  const std::vector<int> numbers = worker_.group().workers();
  const int workers = worker_.world_size();
  std::string text =
      fmt::format("mesh of {} worker{}: {}", workers, workers == 1 ? "" : "s", SizesText(sizes_));
  if (workers == 1) return text;
  for (int r = 0; r < std::min(workers, kShown); ++r) {
    std::string place;
    for (const Axis axis : kOrder) {
      if (size(axis) == 1) continue;
      place += fmt::format("{}{} {}", place.empty() ? "" : ", ", Name(axis), RankOf(r, axis));
    }
    text += fmt::format("\n  worker {}: {}", numbers[static_cast<size_t>(r)], place);
  }
  if (workers > kShown) text += fmt::format("\n  and {} more", workers - kShown);
  return text;
}

}  // namespace convoy
