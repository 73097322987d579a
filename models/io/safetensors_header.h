// The header of a safetensors file: its text, parsed and checked, and written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/io/safetensors.h"

namespace convoy::internal {

inline constexpr const char* kSafetensors = "Safetensors";
inline constexpr int64_t kMaxHeaderBytes = 100'000'000;

/// "F32" for f32, and so on.
std::string_view SafetensorsName(DType dtype);
/// The dtype of a name; none for types of the format that no Tensor has.
std::optional<DType> FromSafetensorsName(std::string_view name);

/// Reads a header: fills `metadata` and returns the entries in the order of their data, offsets
/// counted from the start of the data. `path` is for messages, `data_bytes` what follows the
/// header.
std::vector<SafetensorsFile::Entry> ParseHeader(const std::string& path, const std::string& text,
                                                int64_t data_bytes, Metadata& metadata);

/// The header's text for tensors in the order given, padded with spaces to a multiple of 8 bytes.
std::string FormatHeader(const std::string& path, const ParameterList& tensors,
                         const Metadata& metadata);

}  // namespace convoy::internal
