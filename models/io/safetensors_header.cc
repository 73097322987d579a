// The header of a safetensors file: its text, parsed and checked, and written.
#include "models/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "models/io/json_text.h"

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

// Limits that no file of use comes near, so that a hostile header costs no more memory than a few
// times its own size.
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxExtents = 64;
constexpr size_t kMaxAllExtents = 1 << 21;  // of all tensors: eight for each of the most
constexpr size_t kMaxTensors = 1 << 18;
constexpr size_t kMaxMetadata = 1 << 14;   // entries
constexpr int kMaxEvents = 256;            // of the parser, within a tensor
constexpr size_t kMaxTextBytes = 4 << 20;  // of one string: metadata may hold a small picture
constexpr int kMaxDepth = 16;              // fields that the format does not name may hold anything
constexpr JsonLimits kTextLimits{.depth = kMaxDepth, .string_bytes = kMaxTextBytes};

// What is wrong with the header as a whole.
class InvalidHeader : public Error {
 public:
  using Error::Error;
};

template <typename... Args>
void CheckHeader(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw InvalidHeader(fmt::format(format, std::forward<Args>(args)...));
}

Entry ParseEntry(const std::string& path, const std::string& name, const Json& value);

// Takes what the parser has read tensor by tensor, and lets go of it. The parser alone would keep
// everything, and let the last of two equal keys win.
class HeaderReader {
 public:
  HeaderReader(const std::string& path, std::vector<Entry>& entries, Metadata& metadata)
      : path_(path), entries_(entries), metadata_(metadata) {}

  /// The parser's callback: false for what it need not keep.
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::key:
        depth == 1 ? BeginMember(parsed.get_ref<const std::string&>()) : AddKey(parsed);
        break;
      case Json::parse_event_t::object_start:
        if (depth > 0) keys_.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        if (depth > 0) keys_.pop_back();
        break;
      default:
        break;
    }
    if (depth == 0) return true;
    const bool metadata = name_ == kMetadata;
    CheckHeader(!metadata || event != Json::parse_event_t::array_start || depth > 1,
                "{} must be an object", kMetadata);
    CheckHeader(!metadata || depth == 1 ||
                    (event != Json::parse_event_t::array_start &&
                     event != Json::parse_event_t::object_start),
                "{} '{}' must be text", kMetadata, Excerpt(key_));
    CheckHeader(metadata || ++events_ <= kMaxEvents, "tensor '{}' has more than {} values",
                Excerpt(name_), kMaxEvents);
    const bool ends = event == Json::parse_event_t::object_end ||
                      event == Json::parse_event_t::array_end ||
                      event == Json::parse_event_t::value;
    if (depth > 1 || !ends) return true;
    metadata ? TakeMetadata(parsed) : TakeTensor(parsed);
    return event == Json::parse_event_t::value;  // a structure is let go of
  }

 private:
  void BeginMember(const std::string& name) {
    CheckHeader(name.size() <= kMaxNameBytes,
                "the name of a tensor has {} bytes, and {} are the most: '{}'", name.size(),
                kMaxNameBytes, Excerpt(name));
    CheckHeader(name != kMetadata || !has_metadata_, "key '{}' occurs twice", kMetadata);
    has_metadata_ = has_metadata_ || name == kMetadata;
    name_ = name;
    events_ = 0;
  }

  void AddKey(const Json& key) {
    std::set<std::string>& keys = keys_.back();
    CheckHeader(keys.size() < kMaxMetadata, "an object has more than {} keys", kMaxMetadata);
    const std::string& text = key.get_ref<const std::string&>();
    CheckHeader(text.size() <= kMaxNameBytes, "a key has {} bytes, and {} are the most",
                text.size(), kMaxNameBytes);
    CheckHeader(keys.insert(text).second, "key '{}' occurs twice", Excerpt(text));
    key_ = text;
  }

  void TakeTensor(const Json& value) {
    CheckHeader(entries_.size() < kMaxTensors, "more than {} tensors", kMaxTensors);
    entries_.push_back(ParseEntry(path_, name_, value));
    extents_ += entries_.back().dims.size();
    CheckHeader(extents_ <= kMaxAllExtents, "the tensors have more than {} extents together",
                kMaxAllExtents);
  }

  void TakeMetadata(Json& value) {
    if (value.is_null()) return;  // as the reference reader takes it: none
    CheckHeader(value.is_object(), "{} must be an object", kMetadata);
    for (auto& [key, entry] : value.get_ref<Json::object_t&>()) {
      CheckHeader(entry.is_string(), "{} '{}' must be text", kMetadata, Excerpt(key));
      metadata_[key] = std::move(entry.get_ref<std::string&>());
    }
  }

  const std::string& path_;
  std::vector<Entry>& entries_;
  Metadata& metadata_;
  std::string name_;    // of the tensor that is being read
  std::string key_;     // the last one in it
  int events_ = 0;      // in it
  size_t extents_ = 0;  // of all tensors so far
  bool has_metadata_ = false;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open, but the outermost
};

void ParseJson(const std::string& path, const std::string& text, std::vector<Entry>& entries,
               Metadata& metadata) {
  // The format wants '{' first; its reference reader accepts white space as well.
  const size_t first = text.find_first_not_of(" \t\r\n");
  CONVOY_CHECK(first != text.npos && text[first] == '{',
               "[{}] '{}': the header must begin with '{{'; this is no safetensors file",
               kSafetensors, path);
  try {
    CheckJsonText(text, kTextLimits);
  } catch (const Error& error) {
    Fail("[{}] '{}': the header is not valid: {}", kSafetensors, path, error.what());
  }
  try {
    HeaderReader reader(path, entries, metadata);
    const Json outermost =
        Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
          return reader(depth, event, parsed);
        });
  } catch (const InvalidHeader& error) {
    Fail("[{}] '{}': the header is not valid: {}", kSafetensors, path, error.what());
  } catch (const Json::exception& error) {
    Fail("[{}] '{}': the header is not valid JSON: {}", kSafetensors, path, JsonProblem(error));
  }
}

// A number of the header, at most 2^63 - 1.
int64_t Number(const Json& value, const std::string& path, const std::string& name,
               const char* what) {
  const bool valid =
      value.is_number_unsigned() &&
      value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  CONVOY_CHECK(valid, "[{}] '{}', tensor '{}': {} must be whole numbers of 0 or more, found {}",
               kSafetensors, path, Printable(name), what, Excerpt(value.dump(-1, ' ', true)));
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
  const std::string shown = Printable(name);
  const bool complete = value.is_object() && value.contains("dtype") && value.contains("shape") &&
                        value.contains("data_offsets") && value["dtype"].is_string() &&
                        value["shape"].is_array() && value["data_offsets"].is_array() &&
                        value["data_offsets"].size() == 2;
  CONVOY_CHECK(complete,
               "[{}] '{}', tensor '{}': expected dtype (text), shape (list) and "
               "data_offsets (two numbers)",
               kSafetensors, path, shown);
  Entry entry;
  entry.name = name;
  const std::string& dtype = value["dtype"].get_ref<const std::string&>();
  const FileType* type = FindType(dtype);
  CONVOY_CHECK(type != nullptr, "[{}] '{}', tensor '{}': unknown dtype '{}'", kSafetensors, path,
               shown, Excerpt(dtype));
  entry.dtype = dtype;
  const size_t extents = value["shape"].size();
  CONVOY_CHECK(extents <= kMaxExtents, "[{}] '{}', tensor '{}': {} extents, and {} are the most",
               kSafetensors, path, shown, extents, kMaxExtents);
  entry.dims.reserve(extents);
  for (const Json& dim : value["shape"]) {
    entry.dims.push_back(Number(dim, path, name, "extents"));
  }
  entry.offset = Number(value["data_offsets"][0], path, name, "data_offsets");
  const int64_t end = Number(value["data_offsets"][1], path, name, "data_offsets");
  CONVOY_CHECK(entry.offset <= end, "[{}] '{}', tensor '{}': data_offsets [{}, {}] run backwards",
               kSafetensors, path, shown, entry.offset, end);
  entry.bytes = end - entry.offset;
  const std::optional<int64_t> bits = Bits(entry.dims, type->bits);
  CONVOY_CHECK(bits.has_value(), "[{}] '{}', tensor '{}': shape {} of {} is larger than any file",
               kSafetensors, path, shown, value["shape"].dump(), entry.dtype);
  CONVOY_CHECK(*bits % 8 == 0 && *bits / 8 == entry.bytes,
               "[{}] '{}', tensor '{}': shape {} of {} wants {} bytes, but data_offsets [{}, {}] "
               "span {}",
               kSafetensors, path, shown, value["shape"].dump(), entry.dtype,
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
  std::vector<Entry> entries;
  ParseJson(path, text, entries, metadata);
  std::vector<uint32_t> by_name(entries.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(),
            [&](uint32_t a, uint32_t b) { return entries[a].name < entries[b].name; });
  const auto twice = std::adjacent_find(
      by_name.begin(), by_name.end(),
      [&](uint32_t a, uint32_t b) { return entries[a].name == entries[b].name; });
  CONVOY_CHECK(twice == by_name.end(), "[{}] '{}': the header is not valid: key '{}' occurs twice",
               kSafetensors, path, Printable(entries[*twice].name));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.offset, a.offset + a.bytes) < std::pair(b.offset, b.offset + b.bytes);
  });
  int64_t expected = 0;
  for (const Entry& entry : entries) {
    CONVOY_CHECK(entry.offset == expected,
                 "[{}] '{}', tensor '{}': data must follow without holes or overlaps: expected to "
                 "begin at {}, found {}",
                 kSafetensors, path, Printable(entry.name), expected, entry.offset);
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
  // The reader's limits: what is saved can be read again.
  CONVOY_CHECK(tensors.size() <= kMaxTensors, "[{}] '{}': {} tensors, and {} are the most",
               kSafetensors, path, tensors.size(), kMaxTensors);
  CONVOY_CHECK(metadata.size() <= kMaxMetadata,
               "[{}] '{}': metadata of {} entries, and {} are the most", kSafetensors, path,
               metadata.size(), kMaxMetadata);
  for (const auto& [key, value] : metadata) {
    CONVOY_CHECK(key.size() <= kMaxNameBytes,
                 "[{}] '{}': a key of the metadata has {} bytes, and {} are the most: '{}'",
                 kSafetensors, path, key.size(), kMaxNameBytes, Excerpt(key));
  }
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    CONVOY_CHECK(name != kMetadata, "[{}] '{}': a tensor cannot be called {}", kSafetensors, path,
                 kMetadata);
    CONVOY_CHECK(name.size() <= kMaxNameBytes,
                 "[{}] '{}': the name of a tensor has {} bytes, and {} are the most: '{}'",
                 kSafetensors, path, name.size(), kMaxNameBytes, Excerpt(name));
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
  try {
    CheckJsonText(text, kTextLimits);
  } catch (const Error& error) {
    Fail("[{}] '{}': the header cannot be saved: {}", kSafetensors, path, error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  CONVOY_CHECK(static_cast<int64_t>(text.size()) <= kMaxHeaderBytes,
               "[{}] '{}': a header of {} bytes, the format allows {}", kSafetensors, path,
               text.size(), kMaxHeaderBytes);
  return text;
}

}  // namespace convoy::internal
