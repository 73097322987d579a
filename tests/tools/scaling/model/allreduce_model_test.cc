// Times of allreduces against values worked out by hand.
#include "tools/scaling/model/allreduce_model.h"

#include <catch2/catch.hpp>
#include <limits>

#include "core/base/error.h"

namespace convoy::scaling {
namespace {

// 8 workers a node.
Links Cluster() {
  return ParseLinks(R"(
name = "cluster"
source = "a test"
[[level]]
name = "inside"
members = 8
bandwidth_gb_per_s = 400
latency_us = 3
[[level]]
name = "across"
bandwidth_gb_per_s = 100
latency_us = 10
[[algorithm]]
name = "ring"
base_us = 8
[[algorithm]]
name = "tree"
base_us = 7
latency_us = [4, 11]
[[algorithm]]
name = "nvls"
base_us = 25
latency_us = [0]
bandwidth_gb_per_s = [500]
[[algorithm]]
name = "nvls-tree"
base_us = 25
latency_us = [1, 20]
bandwidth_gb_per_s = [500, 90]
[[algorithm]]
name = "two-level"
base_us = 5
)",
                    "cluster.toml");
}

TEST_CASE("Algorithms of NCCL cost latency by hops and bandwidth by the slowest level") {
  const AllReduceModel model(Cluster(), 64);
  // 2 (63 - 7) hops inside, 2 * 7 across; 2 * 63 / 64 of 64 MB at 100 GB/s.
  CHECK(model.LatencyMicroseconds(Algorithm::kRing) == Approx(8 + 112 * 3 + 14 * 10));
  CHECK(model.Milliseconds(Algorithm::kRing, 64'000'000) == Approx(0.484 + 1.26));
  // A chain of 8 and a tree of 8 nodes, up and down.
  CHECK(model.LatencyMicroseconds(Algorithm::kTree) == Approx(7 + 2 * (7 * 4 + 3 * 11)));
  CHECK(model.Milliseconds(Algorithm::kTree, 64'000'000) == Approx(0.129 + 1.26));
  CHECK(model.LatencyMicroseconds(Algorithm::kNvlsTree) == Approx(25 + 1 + 2 * 3 * 20));
  CHECK(model.Milliseconds(Algorithm::kNvlsTree, 64'000'000) == Approx(0.146 + 1.4));
  // Three calls; 14 / 8 of it at 400 GB/s and then 14 / 8 at 100.
  CHECK(model.LatencyMicroseconds(Algorithm::kTwoLevel) == Approx(15 + 14 * 3 + 6 * 10));
  CHECK(model.Milliseconds(Algorithm::kTwoLevel, 64'000'000) == Approx(0.117 + 0.28 + 1.12));
}

TEST_CASE("Inside a node only its own links count") {
  const AllReduceModel model(Cluster(), 4);
  CHECK(model.LatencyMicroseconds(Algorithm::kRing) == Approx(8 + 6 * 3));
  CHECK(model.Milliseconds(Algorithm::kRing, 4'000'000) == Approx(0.026 + 0.015));
  CHECK(model.Milliseconds(Algorithm::kTree, 4'000'000) == Approx(7e-3 + 24e-3 + 0.015));
  CHECK(model.Milliseconds(Algorithm::kNvls, 4'000'000) == Approx(0.025 + 0.012));
  CHECK(model.Milliseconds(Algorithm::kTwoLevel, 4'000'000) == Approx(15e-3 + 18e-3 + 0.015));
}

TEST_CASE("The best algorithm is the fastest for so many bytes of those that reach all workers") {
  const AllReduceModel node(Cluster(), 8);
  CHECK(node.Best(1'000'000'000).algorithm == Algorithm::kNvls);
  const AllReduceModel all(Cluster(), 512);
  CHECK(all.algorithms().size() == 4);  // nvls does not reach other nodes
  for (const int64_t bytes : {int64_t{4}, int64_t{1} << 20, int64_t{1} << 30}) {
    CAPTURE(bytes);
    const AllReduceTime best = all.Best(bytes);
    for (const AlgorithmCost& cost : all.algorithms()) {
      CHECK(best.ms <= all.Milliseconds(cost.algorithm, bytes));
    }
    CHECK(best.ms == all.Milliseconds(best.algorithm, bytes));
  }
  CHECK(all.Best(4).algorithm == Algorithm::kTwoLevel);
  CHECK(all.Best(int64_t{1} << 30).algorithm == Algorithm::kTree);
  CHECK(AllReduceModel(Cluster(), 512, Algorithm::kRing).Best(4).algorithm == Algorithm::kRing);
}

TEST_CASE("One worker and no bytes take no time") {
  CHECK(AllReduceModel(Cluster(), 1).Best(1 << 20).ms == 0);
  CHECK(AllReduceModel(Cluster(), 16).Best(0).ms == 0);
}

TEST_CASE("NCCL's constants give the latencies of an H100 cluster") {
  // 8.4 + 2 (7 * 4 + log2(nodes) * 14), and 8.4 + (2 (n - 1) - 2 (m - 1)) 3.4 + 2 (m - 1) 14.
  const Links links = FindLinks("dgx-h100-ndr400");
  const struct {
    int workers;
    double tree, ring, nvls_tree;
  } rows[] = {
      {64, 148.4, 585.2, 150.4}, {512, 232.4, 4818.8, 275.8}, {4096, 316.4, 38687.6, 401.2}};
  for (const auto& [workers, tree, ring, nvls_tree] : rows) {
    CAPTURE(workers);
    const AllReduceModel model(links, workers);
    CHECK(model.LatencyMicroseconds(Algorithm::kTree) == Approx(tree));
    CHECK(model.LatencyMicroseconds(Algorithm::kRing) == Approx(ring));
    CHECK(model.LatencyMicroseconds(Algorithm::kNvlsTree) == Approx(nvls_tree));
  }
  const AllReduceModel node(links, 8);
  CHECK(node.LatencyMicroseconds(Algorithm::kNvls) == Approx(25));
  CHECK(node.LatencyMicroseconds(Algorithm::kRing) == Approx(56));
  CHECK(AllReduceModel(FindLinks("dgx-h100-ndr400-sharp"), 512)
            .LatencyMicroseconds(Algorithm::kNvls) == Approx(43));
}

// Links for workers that talk to each other directly.
Links Hosts(const std::string& levels) {
  return ParseLinks("name = \"hosts\"\nsource = \"a test\"\n" + levels +
                        "[[algorithm]]\nname = \"direct\"\nbase_us = 100\nsum_gb_per_s = 4\n",
                    "hosts.toml");
}

TEST_CASE("Everybody directly to everybody: two hops, the last segment summed in between") {
  const Links links =
      Hosts("[[level]]\nname = \"Ethernet\"\nbandwidth_gb_per_s = 0.1\nlatency_us = 50\n");
  // Four workers, 8 MB: each sends 3 parts of 2 MB twice; a part is summed from four terms.
  CHECK(AllReduceModel(links, 4).Milliseconds(Algorithm::kDirect, 8'000'000) ==
        Approx(0.1 + 3 * 0.05 + 120 + 2'000'000 * 4 / 4e6));
  // A part of more than 2 MiB: only its last segment is summed while nothing travels.
  CHECK(AllReduceModel(links, 2).Milliseconds(Algorithm::kDirect, 80'000'000) ==
        Approx(0.25 + 800 + 2 * 2'097'152 / 4e6));
  // Up to 32 KiB over all, in one hop to all others.
  CHECK(AllReduceModel(links, 4).Milliseconds(Algorithm::kDirect, 8192) ==
        Approx(0.1 + 2 * 0.05 + 3 * 8192 / 1e5 + 4 * 8192 / 4e6));
}

TEST_CASE("Messages that share a link do not end together: a segment's share of the time more") {
  Links links =
      Hosts("[[level]]\nname = \"Ethernet\"\nbandwidth_gb_per_s = 0.1\nlatency_us = 50\n");
  const auto more = [&](int workers, int64_t bytes) {
    links.algorithms[0].uneven = 0;
    const double even = AllReduceModel(links, workers).Milliseconds(Algorithm::kDirect, bytes);
    links.algorithms[0].uneven = 0.2;
    return AllReduceModel(links, workers).Milliseconds(Algorithm::kDirect, bytes) - even;
  };
  CHECK(more(4, 8'000'000) == Approx(0.2 * 120));
  CHECK(more(4, 4 * 5 * 2'097'152) == Approx(0.2 / 5 * 6 * 5 * 2'097'152 / 1e5));
  CHECK(more(2, 8'000'000) == 0);  // one message a link
}

TEST_CASE("Workers of one host share its link") {
  const Links links = Hosts(
      "[[level]]\nname = \"memory\"\nmembers = 2\nbandwidth_gb_per_s = 10\nlatency_us = 20\n"
      "[[level]]\nname = \"Ethernet\"\nbandwidth_gb_per_s = 0.1\nlatency_us = 50\n");
  // Two on each of three hosts, 6 MB: a host sends 2 * 4 parts of 1 MB, twice.
  CHECK(AllReduceModel(links, 6).Milliseconds(Algorithm::kDirect, 6'000'000) ==
        Approx(0.1 + 3 * 0.05 + 160 + 6 * 1'000'000 / 4e6));
  CHECK(AllReduceModel(links, 2).Milliseconds(Algorithm::kDirect, 6'000'000) ==
        Approx(0.1 + 3 * 0.02 + 0.6 + 2 * 2'097'152 / 4e6));
}

TEST_CASE("TCP's goodput on links that are shaped to 100 Mbit/s and to 1 Gbit/s") {
  // 1,448 of 1,514 bytes: 26,214,400 bytes over two hosts.
  CHECK(AllReduceModel(FindLinks("tbf-100m"), 2).Best(26'214'400).ms ==
        Approx(2193).epsilon(0.002));
  CHECK(AllReduceModel(FindLinks("tbf-1g"), 2).Best(26'214'400).ms == Approx(219.8).epsilon(0.002));
}

}  // namespace
}  // namespace convoy::scaling
