// The header of a safetensors file: its text, parsed and checked, and written.
#include "models/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace convoy::internal {
namespace {

using Entry = SafetensorsFile::Entry;
using Json = nlohmann::json;

constexpr const char* kMetadata = "__metadata__";

struct FileType {
  std::string_view name;
  int64_t bits;
  std::optional<DType> dtype;
};

constexpr std::array<FileType, 21> kTypes = {{
    {"BOOL", 8, DType::kBool},
    {"U8", 8, DType::kU8},
    {"I8", 8, {}},
    {"I16", 16, {}},
    {"U16", 16, {}},
    {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},
    {"I32", 32, DType::kI32},
    {"U32", 32, {}},
    {"F32", 32, DType::kF32},
    {"F64", 64, DType::kF64},
    {"I64", 64, DType::kI64},
    {"U64", 64, {}},
    {"C64", 64, {}},
    {"F4", 4, {}},
    {"F6_E2M3", 6, {}},
    {"F6_E3M2", 6, {}},
    {"F8_E5M2", 8, {}},
    {"F8_E4M3", 8, {}},
    {"F8_E8M0", 8, {}},
    {"F8_E4M3FNUZ", 8, {}},
}};

const FileType* FindType(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const FileType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

// The parser alone would let the last of two equal keys win, and nest as deep as the text does.
class StrictKeys {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    constexpr int kMaxDepth = 16;  // fields that the format does not name may hold anything
    switch (event) {
      case Json::parse_event_t::object_start:
        CONVOY_CHECK(depth <= kMaxDepth, "nested too deep");
        keys_.emplace_back();
        break;
      case Json::parse_event_t::array_start:
        CONVOY_CHECK(depth <= kMaxDepth, "nested too deep");
        break;
      case Json::parse_event_t::object_end:
        keys_.pop_back();
        break;
      case Json::parse_event_t::key:
        CONVOY_CHECK(keys_.back().insert(parsed.get<std::string>()).second, "key '{}' occurs twice",
                     parsed.get<std::string>());
        break;
      default:
        break;
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

Json ParseJson(const std::string& path, const std::string& text) {
  // The format wants '{' first; its reference reader accepts white space as well.
  const size_t first = text.find_first_not_of(" \t\r\n");
  CONVOY_CHECK(first != text.npos && text[first] == '{',
               "[{}] '{}': the header must begin with '{{'; this is no safetensors file",
               kSafetensors, path);
  try {
    StrictKeys strict;
    return Json::parse(text, [&strict](int depth, Json::parse_event_t event, Json& parsed) {
      return strict(depth, event, parsed);
    });
  } catch (const Error& error) {
    Fail("[{}] '{}': the header is not valid: {}", kSafetensors, path, error.what());
  } catch (const Json::exception& error) {
    Fail("[{}] '{}': the header is not valid JSON: {}", kSafetensors, path, error.what());
  }
}

// A number of the header, at most 2^63 - 1.
int64_t Number(const Json& value, const std::string& path, const std::string& name,
               const char* what) {
  const bool valid =
      value.is_number_unsigned() &&
      value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  CONVOY_CHECK(valid, "[{}] '{}', tensor '{}': {} must be whole numbers of 0 or more, found {}",
               kSafetensors, path, name, what, value.dump(-1, ' ', true));
  return value.get<int64_t>();
}

// Bits of all elements; none if that is over 2^63 - 1.
std::optional<int64_t> Bits(const std::vector<int64_t>& dims, int64_t bits) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  for (const int64_t dim : dims) {
    if (__builtin_mul_overflow(bits, dim, &bits)) return std::nullopt;
  }
  return bits;
}

Entry ParseEntry(const std::string& path, const std::string& name, const Json& value) {
  const bool complete = value.is_object() && value.contains("dtype") && value.contains("shape") &&
                        value.contains("data_offsets") && value["dtype"].is_string() &&
                        value["shape"].is_array() && value["data_offsets"].is_array() &&
                        value["data_offsets"].size() == 2;
  CONVOY_CHECK(complete,
               "[{}] '{}', tensor '{}': expected dtype (text), shape (list) and "
               "data_offsets (two numbers)",
               kSafetensors, path, name);
  Entry entry;
  entry.name = name;
  entry.dtype = value["dtype"].get<std::string>();
  const FileType* type = FindType(entry.dtype);
  CONVOY_CHECK(type != nullptr, "[{}] '{}', tensor '{}': unknown dtype '{}'", kSafetensors, path,
               name, entry.dtype);
  for (const Json& dim : value["shape"]) {
    entry.dims.push_back(Number(dim, path, name, "extents"));
  }
  entry.offset = Number(value["data_offsets"][0], path, name, "data_offsets");
  const int64_t end = Number(value["data_offsets"][1], path, name, "data_offsets");
  CONVOY_CHECK(entry.offset <= end, "[{}] '{}', tensor '{}': data_offsets [{}, {}] run backwards",
               kSafetensors, path, name, entry.offset, end);
  entry.bytes = end - entry.offset;
  const std::optional<int64_t> bits = Bits(entry.dims, type->bits);
  CONVOY_CHECK(bits.has_value(), "[{}] '{}', tensor '{}': shape {} of {} is larger than any file",
               kSafetensors, path, name, value["shape"].dump(), entry.dtype);
  CONVOY_CHECK(*bits % 8 == 0 && *bits / 8 == entry.bytes,
               "[{}] '{}', tensor '{}': shape {} of {} wants {} bytes, but data_offsets [{}, {}] "
               "span {}",
               kSafetensors, path, name, value["shape"].dump(), entry.dtype,
               *bits / 8 + (*bits % 8 != 0), entry.offset, end, entry.bytes);
  return entry;
}

}  // namespace

std::string_view SafetensorsName(DType dtype) {
  return std::find_if(kTypes.begin(), kTypes.end(),
                      [&](const FileType& type) { return type.dtype == dtype; })
      ->name;
}

std::optional<DType> FromSafetensorsName(std::string_view name) {
  const FileType* type = FindType(name);
  return type == nullptr ? std::nullopt : type->dtype;
}

std::vector<Entry> ParseHeader(const std::string& path, const std::string& text, int64_t data_bytes,
                               Metadata& metadata) {
  const Json header = ParseJson(path, text);
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != kMetadata) {
      entries.push_back(ParseEntry(path, name, value));
      continue;
    }
    if (value.is_null()) continue;  // as the reference reader takes it: none
    CONVOY_CHECK(value.is_object(), "[{}] '{}': {} must be an object", kSafetensors, path,
                 kMetadata);
    for (const auto& [key, entry] : value.items()) {
      CONVOY_CHECK(entry.is_string(), "[{}] '{}': {} '{}' must be text", kSafetensors, path,
                   kMetadata, key);
      metadata[key] = entry.get<std::string>();
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.offset, a.offset + a.bytes) < std::pair(b.offset, b.offset + b.bytes);
  });
  int64_t expected = 0;
  for (const Entry& entry : entries) {
    CONVOY_CHECK(entry.offset == expected,
                 "[{}] '{}', tensor '{}': data must follow without holes or overlaps: expected to "
                 "begin at {}, found {}",
                 kSafetensors, path, entry.name, expected, entry.offset);
    expected += entry.bytes;
  }
  CONVOY_CHECK(expected == data_bytes,
               "[{}] '{}': its header promises {} bytes of data, but the file holds {}{}",
               kSafetensors, path, expected, data_bytes,
               expected > data_bytes ? "; it is truncated" : "");
  return entries;
}

std::string FormatHeader(const std::string& path, const ParameterList& tensors,
                         const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    CONVOY_CHECK(name != kMetadata, "[{}] '{}': a tensor cannot be called {}", kSafetensors, path,
                 kMetadata);
    CONVOY_CHECK(!header.contains(name), "[{}] '{}': two tensors are called '{}'", kSafetensors,
                 path, name);
    const int64_t end = offset + static_cast<int64_t>(tensor.bytes());
    header[name] = {{"dtype", SafetensorsName(tensor.dtype())},
                    {"shape", tensor.shape().ToVector()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    Fail("[{}] '{}': names and metadata must be UTF-8", kSafetensors, path);
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  CONVOY_CHECK(static_cast<int64_t>(text.size()) <= kMaxHeaderBytes,
               "[{}] '{}': a header of {} bytes, the format allows {}", kSafetensors, path,
               text.size(), kMaxHeaderBytes);
  return text;
}

}  // namespace convoy::internal
