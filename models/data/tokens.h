// Files of token numbers, as tokenizers' tools write them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// Tokens from a file of little-endian numbers: 16-bit ones, bare as in nanoGPT's train.bin or
/// behind llm.c's header, or 32-bit ones behind llm.c's header. The header is 256 numbers of 32
/// bits: 20240520 (16-bit tokens) or 20240801 (32-bit), version 1 or 7, the count, and zeros.
/// Throws: Error naming the file if it cannot be read, is of another kind (which it names), has
/// another length than its header says, or holds a token outside [0, vocab_size).
std::vector<int32_t> ReadTokens(const std::string& path, int64_t vocab_size);

/// Uniformly random tokens: nothing to learn, but the same work.
std::vector<int32_t> RandomTokens(int64_t count, int64_t vocab_size, uint64_t seed);

}  // namespace convoy
