// Hashes for tables and checks: fast, the same on every machine, and no protection against anyone.
#pragma once

#include <cstdint>
#include <string_view>

namespace convoy {

/// FnvHash is FNV-1a of the bytes, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/); to hash
/// several parts, start each with the hash of those before it. FnvAppend is its step, applied to a
/// whole word at once.
inline constexpr uint64_t kFnvStart = 0xcbf29ce484222325u;
constexpr uint64_t FnvAppend(uint64_t hash, uint64_t value) {
  return (hash ^ value) * 0x100000001b3u;
}
constexpr uint64_t FnvHash(std::string_view text, uint64_t start = kFnvStart) {
  for (const char c : text) start = FnvAppend(start, static_cast<unsigned char>(c));
  return start;
}

/// splitmix64's finalizer (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
/// OOPSLA 2014): changing one bit of `x` changes about half of the result's.
constexpr uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace convoy
