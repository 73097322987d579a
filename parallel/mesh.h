// A grid of the run's workers with named axes, and a group of workers for each axis.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "parallel/batch.h"
#include "parallel/group/worker.h"

namespace convoy {

/// From the slowest links to the fastest: workers whose ranks follow each other, which a launcher
/// puts on one host, differ in kTensor first.
enum class Axis { kPipeline, kData, kContext, kExpert, kTensor };

/// "pipeline", "data", "context", "expert", "tensor".
std::string_view Name(Axis axis);

/// How many workers there are along each axis.
struct MeshOptions {
  int pipeline = 1;
  int data = 0;  ///< 0: what the other axes leave
  int context = 1;
  int expert = 1;
  int tensor = 1;
};

/// Arranges the workers of a group, usually all of the run's, in a grid:
///
///     convoy::Mesh mesh(worker, {.tensor = 2});  // 4 workers: data 2 x tensor 2
///     convoy::DataParallel net(mesh.worker(convoy::Axis::kData), model.Parameters());
///     mesh.group(convoy::Axis::kTensor).AllReduce(partial).Wait();
///
/// Rank r stands at the place that r has in row-major order of (pipeline, data, context, expert,
/// tensor). The group of an axis consists of the workers whose places differ along that axis alone.
/// An axis of one worker has a group that connects nothing; an axis with all workers has the group
/// that the mesh was made of; the others are made by Split.
///
/// Calls of different groups must be made in one order by all workers that they share
/// (ProcessGroup::Split). The mesh must not outlive the training function.
class Mesh {
 public:
  /// Collective over `worker`'s group, which must outlive the mesh.
  /// Throws: Error if a size is negative or zero (data aside), if the sizes do not divide the
  /// workers or do not use all of them, or if two workers ask for different ones; all workers
  /// throw.
  explicit Mesh(Worker& worker, const MeshOptions& options = {});
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  /// Workers along the axis.
  int size(Axis axis) const { return sizes_[Index(axis)]; }
  /// This worker's place along the axis, which is its rank in group(axis).
  int rank(Axis axis) const { return RankOf(worker_.rank(), axis); }

  ProcessGroup& group(Axis axis) { return worker(axis).group(); }
  /// This worker as a member of group(axis): for DataParallel, Batches and whatever else takes a
  /// Worker. Call StopEarly on the worker that the training function was given, not on this one;
  /// is_main() holds for the first worker of every such group.
  Worker& worker(Axis axis) { return Combined({axis}); }

  /// This worker as a member of the group of all whose places differ along these axes alone: those
  /// that hold the same parameters, say, for {kData, kContext}. Made by the first call, which is
  /// collective over the mesh, and kept: all workers must make it for the same axes in the same
  /// order. Throws: Error if an axis is given twice.
  Worker& Combined(std::initializer_list<Axis> axes);

  /// The part of every global batch that this worker computes. Workers at the same place of the
  /// data axis compute the same samples.
  DataShard data_shard() const { return {rank(Axis::kData), size(Axis::kData)}; }

  /// For the start of a run: a line with the sizes, and one with the place of each worker, of many
  /// workers the first 32. Axes of one worker are left out.
  std::string Describe() const;

 private:
  static constexpr size_t kAxes = 5;
  using Sizes = std::array<int, kAxes>;
  struct Member {
    std::shared_ptr<ProcessGroup> group;  // null: the mesh's own
    std::unique_ptr<Worker> worker;
  };

  static size_t Index(Axis axis) { return static_cast<size_t>(axis); }
  static std::string SizesText(const Sizes& sizes);
  static Sizes Resolve(const MeshOptions& options, int workers);
  void CheckSameEverywhere() const;
  int RankOf(int rank, Axis axis) const;
  // The axes of more than one worker, as bits.
  unsigned ManyOf(unsigned axes) const;
  Worker& Get(unsigned axes);

  Worker& worker_;
  Sizes sizes_{};
  std::map<unsigned, Member> members_;  // by the axes of more than one worker, as bits
};

}  // namespace convoy
