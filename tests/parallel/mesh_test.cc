// Mesh: who stands where, whom each axis connects, and sizes that do not fit.
#include "parallel/mesh.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "parallel/data_parallel.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

// Every axis connects the workers that a plain enumeration of the grid puts on one line of it.
void CheckMesh(Worker& worker, const MeshOptions& options, const std::vector<int>& sizes) {
  Mesh mesh(worker, options);
  std::vector<std::vector<int>> places;  // by rank
  for (int p = 0; p < sizes[0]; ++p)
    for (int d = 0; d < sizes[1]; ++d)
      for (int c = 0; c < sizes[2]; ++c)
        for (int e = 0; e < sizes[3]; ++e)
          for (int t = 0; t < sizes[4]; ++t) places.push_back({p, d, c, e, t});
  const std::vector<int>& mine = places[static_cast<size_t>(worker.rank())];
  const auto members = [&](const std::vector<size_t>& along) {
    return Those(worker.world_size(), [&](int r) {
      std::vector<int> place = places[static_cast<size_t>(r)];
      for (const size_t axis : along) place[axis] = mine[axis];
      return place == mine;
    });
  };
  for (const Axis axis :
       {Axis::kPipeline, Axis::kData, Axis::kContext, Axis::kExpert, Axis::kTensor}) {
    const auto a = static_cast<size_t>(axis);
    ExpectEqual(mesh.size(axis), sizes[a], "size");
    ExpectEqual(mesh.rank(axis), mine[a], "rank");
    ExpectEqual(mesh.group(axis).rank(), mine[a], "rank in the group");
    CheckMembers(worker, mesh.group(axis), members({a}));
    ExpectEqual(mesh.group(axis).workers(), members({a}), "workers");
    ExpectEqual(mesh.worker(axis).rank(), mine[a], "rank of the axis's worker");
    if (sizes[a] == 1) ExpectEqual(mesh.group(axis).name(), std::string("solo"), "no connection");
  }
  CheckMembers(worker, mesh.Combined({Axis::kContext, Axis::kData}).group(), members({1, 2}));
  CheckMembers(worker, mesh.Combined({Axis::kPipeline, Axis::kTensor}).group(), members({0, 4}));
  Expect(&mesh.Combined({Axis::kData, Axis::kContext}) ==
             &mesh.Combined({Axis::kContext, Axis::kData}),
         "made once");
  ExpectEqual(mesh.data_shard().rank, mine[1], "shard");
  ExpectEqual(mesh.data_shard().size, sizes[1], "shards");
}

TEST_CASE("Mesh: each axis connects the workers of a line of the grid") {
  RunWorkers(1, [](Worker& w) { CheckMesh(w, {}, {1, 1, 1, 1, 1}); });
  RunWorkers(3, [](Worker& w) { CheckMesh(w, {}, {1, 3, 1, 1, 1}); });
  RunWorkers(4, [](Worker& w) { CheckMesh(w, {.tensor = 2}, {1, 2, 1, 1, 2}); });
  RunWorkers(4, [](Worker& w) { CheckMesh(w, {.tensor = 4}, {1, 1, 1, 1, 4}); });
  RunWorkers(6, [](Worker& w) { CheckMesh(w, {.pipeline = 3, .data = 2}, {3, 2, 1, 1, 1}); });
  RunWorkers(8, [](Worker& w) {
    CheckMesh(w, {.pipeline = 2, .context = 2, .tensor = 2}, {2, 1, 2, 1, 2});
  });
  RunWorkers(12, [](Worker& w) { CheckMesh(w, {.context = 3, .expert = 2}, {1, 2, 3, 2, 1}); });
}

TEST_CASE("Mesh: groups of Gloo's") {
  Launch({.workers = 4, .threads = 1, .device = "cpu", .transport = "gloo"}, [](Worker& w) {
    CheckMesh(w, {.tensor = 2}, {1, 2, 1, 1, 2});
  });
}

TEST_CASE("Mesh: a mesh of a group's workers") {
  RunWorkers(8, [](Worker& worker) {
    const auto half = worker.group().Split(worker.rank() % 2);
    Worker member(*half, worker.device());
    Mesh mesh(member, {.tensor = 2});
    const int r = worker.rank();
    CheckMembers(worker, mesh.group(Axis::kTensor), {r / 4 * 4 + r % 2, r / 4 * 4 + r % 2 + 2});
    CheckMembers(worker, mesh.group(Axis::kData), {r % 4, r % 4 + 4});
    ExpectEqual(mesh.group(Axis::kPipeline).workers(), std::vector<int>{r}, "alone");
  });
}

TEST_CASE("Mesh: says who stands where") {
  RunWorkers(4, [](Worker& worker) {
    ExpectEqual(Mesh(worker, {.tensor = 2}).Describe(),
                std::string("mesh of 4 workers: data 2 x tensor 2\n"
                            "  worker 0: data 0, tensor 0\n  worker 1: data 0, tensor 1\n"
                            "  worker 2: data 1, tensor 0\n  worker 3: data 1, tensor 1"),
                "description");
  });
  RunWorkers(1, [](Worker& worker) {
    ExpectEqual(Mesh(worker).Describe(), std::string("mesh of 1 worker: 1"), "description");
  });
}

TEST_CASE("Mesh: sizes that do not fit") {
  const auto error = [](int workers, const MeshOptions& options) {
    return ErrorOf(workers, [&](Worker& worker) { Mesh mesh(worker, options); });
  };
  using Catch::Contains;
  CHECK_THAT(error(4, {.tensor = 3}),
             Contains("[Mesh] expected sizes that divide the 4 workers, got tensor 3; start a "
                      "multiple of 3 workers, or choose other sizes"));
  CHECK_THAT(error(2, {.pipeline = 2, .tensor = 2}), Contains("got pipeline 2 x tensor 2; "));
  CHECK_THAT(error(4, {.data = 4, .tensor = 2}),
             Contains("[Mesh] expected sizes that use all 4 workers, got data 4 x tensor 2; leave "
                      "out data, which then is 2, or start 8 workers"));
  CHECK_THAT(error(4, {.data = 1, .tensor = 2}), Contains("use all 4 workers, got tensor 2; "));
  CHECK_THAT(error(1, {.expert = 0}),
             Contains("[Mesh] expert: expected a size of at least 1, got 0"));
  CHECK_THAT(error(1, {.data = -1}), Contains("[Mesh] data: expected a size of at least 1"));
  CHECK_THAT(error(2, {.pipeline = 1 << 30, .tensor = 1 << 30}), Contains("divide the 2 workers"));
  CHECK_THAT(
      ErrorOf(4, [](Worker& worker) { Mesh mesh(worker, {.tensor = worker.rank() == 3 ? 4 : 2}); }),
      Contains("[Mesh] worker 0 asks for data 2 x tensor 2, but worker 3 for tensor 4; all "
               "must ask for the same"));
  CHECK_THAT(ErrorOf(1,
                     [](Worker& w) {
                       Mesh(w).Combined({Axis::kData, Axis::kData});
                     }),
             Contains("[Mesh] expected different axes, got data twice"));
}

}  // namespace
}  // namespace convoy
