// Files of token numbers, as tokenizers' tools write them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// Tokens from a file of 16-bit little-endian numbers: bare, as nanoGPT's train.bin, or behind
/// llm.c's header of 1024 bytes (256 numbers of 32 bits, the first 20240520, then version 1 and the
/// count).
/// Throws: Error naming the file if it cannot be read, has another length than its header says, or
/// holds a token outside [0, vocab_size).
std::vector<int32_t> ReadTokens(const std::string& path, int64_t vocab_size);

/// Uniformly random tokens: nothing to learn, but the same work.
std::vector<int32_t> RandomTokens(int64_t count, int64_t vocab_size, uint64_t seed);

}  // namespace convoy
