// What a test says to the simulated cuBLASLt, and what it saw.
#pragma once

#include <cstdint>

namespace convoy::sim {

/// What the heuristic finds no algorithm for, beside what it never does (some epilogues in f64).
enum class Declines { kNothing, kEpilogues, kEverything };
void SetCublasLtDeclines(Declines declines);

/// There are this many algorithms, of different needs and orders of summation.
inline constexpr int kCublasLtAlgorithms = 3;
/// Makes one of them take longer.
void SetCublasLtSlow(int algorithm, int us);
/// Products given to streams with one of them so far.
int64_t CublasLtProducts(int algorithm);
/// Products given to streams so far with an epilogue that is more than a bias.
int64_t CublasLtFusedProducts();

}  // namespace convoy::sim
