// Named tensors in files of the safetensors format.
#include "models/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "models/io/file_kind.h"
#include "models/io/safetensors_header.h"

namespace convoy {

using internal::kSafetensors;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

// The format's order: wide types first, so that data is aligned; then by name.
int Rank(DType dtype) {
  constexpr DType kOrder[] = {DType::kI64,  DType::kF64, DType::kF32, DType::kI32,
                              DType::kBF16, DType::kF16, DType::kU8,  DType::kBool};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), dtype) - kOrder);
}

const RegisterTensorFormat kFormat({
    .ending = ".safetensors",
    .open = [](const std::string& path) { return std::make_unique<const SafetensorsFile>(path); },
    .save = SaveSafetensors,
});

std::string ShapeText(const std::vector<int64_t>& dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  return text + ")";
}

}  // namespace

void SaveSafetensors(const std::string& path, const ParameterList& tensors,
                     const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors) {
    CONVOY_CHECK(tensor.defined(), "[{}] '{}': tensor '{}' is undefined", kSafetensors, path, name);
  }
  ParameterList sorted = tensors;
  std::sort(sorted.begin(), sorted.end(), [](const NamedTensor& a, const NamedTensor& b) {
    const int rank_a = Rank(a.tensor.dtype()), rank_b = Rank(b.tensor.dtype());
    return rank_a != rank_b ? rank_a < rank_b : a.name < b.name;
  });
  const std::string header = internal::FormatHeader(path, sorted, metadata);
  AtomicFile file(kSafetensors, path);
  const uint64_t header_bytes = header.size();
  file.Write(&header_bytes, sizeof(header_bytes));
  file.Write(header.data(), header.size());
  for (const NamedTensor& entry : sorted) {
    const Tensor host = entry.tensor.device().is_cpu() ? entry.tensor : entry.tensor.To({});
    file.Write(host.raw_data(), host.bytes());
  }
  file.Commit();
}

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(kSafetensors, path) {
  CheckKind(kSafetensors, file_, Wanted::kWeights);
  uint64_t header_bytes = 0;
  constexpr int64_t kPrefix = sizeof(header_bytes);
  CONVOY_CHECK(file_.bytes() >= kPrefix,
               "[{}] '{}' is truncated: expected {} bytes or more, found {}", kSafetensors, path,
               kPrefix, file_.bytes());
  file_.Read(&header_bytes, 0, kPrefix);
  CONVOY_CHECK(header_bytes <= static_cast<uint64_t>(internal::kMaxHeaderBytes),
               "[{}] '{}': a header of {} bytes, the format allows {}; this is no safetensors file",
               kSafetensors, path, header_bytes, internal::kMaxHeaderBytes);
  const int64_t header_end = kPrefix + static_cast<int64_t>(header_bytes);
  CONVOY_CHECK(header_end <= file_.bytes(),
               "[{}] '{}' is truncated: expected a header of {} bytes, the file has {} in all",
               kSafetensors, path, header_bytes, file_.bytes());
  std::string header(static_cast<size_t>(header_bytes), '\0');
  file_.Read(header.data(), kPrefix, header_end - kPrefix);
  entries_ = internal::ParseHeader(path, header, file_.bytes() - header_end, metadata_);
  for (Entry& entry : entries_) entry.offset += header_end;
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](uint32_t a, uint32_t b) { return entries_[a].name < entries_[b].name; });
}

const SafetensorsFile::Entry* SafetensorsFile::Find(const std::string& name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](uint32_t i, const std::string& to) { return entries_[i].name < to; });
  return found != by_name_.end() && entries_[*found].name == name ? &entries_[*found] : nullptr;
}

const SafetensorsFile::Entry& SafetensorsFile::At(const std::string& name) const {
  const Entry* found = Find(name);
  CONVOY_CHECK(found != nullptr, "[{}] '{}' holds no tensor '{}' (it holds {})", kSafetensors,
               file_.path(), Printable(name), entries_.size());
  return *found;
}

void SafetensorsFile::CheckFits(const std::string& name, const Tensor& to) const {
  const Entry& entry = At(name);
  const std::string_view dtype = internal::SafetensorsName(to.dtype());
  CONVOY_CHECK(entry.dtype == dtype && entry.dims == to.shape().ToVector(),
               "[{}] '{}', tensor '{}': expected {} {}, found {} {}", kSafetensors, file_.path(),
               Printable(name), dtype, to.shape().ToString(), entry.dtype, ShapeText(entry.dims));
}

bool SafetensorsFile::SameElements(const Entry& a, const Entry& b) const {
  if (a.dtype != b.dtype || a.dims != b.dims) return false;
  constexpr int64_t kChunk = 1 << 20;
  std::vector<char> x(kChunk), y(kChunk);
  for (int64_t at = 0; at < a.bytes; at += kChunk) {
    const int64_t bytes = std::min(kChunk, a.bytes - at);
    file_.Read(x.data(), a.offset + at, bytes);
    file_.Read(y.data(), b.offset + at, bytes);
    if (std::memcmp(x.data(), y.data(), static_cast<size_t>(bytes)) != 0) return false;
  }
  return true;
}

Tensor SafetensorsFile::Load(const std::string& name, Device device) const {
  const Entry& entry = At(name);
  const std::optional<DType> dtype = internal::FromSafetensorsName(entry.dtype);
  CONVOY_CHECK(dtype.has_value(), "[{}] '{}', tensor '{}': no tensor can have dtype {}",
               kSafetensors, file_.path(), Printable(name), entry.dtype);
  // With an extent of 0 the others are not bounded by the file, hence the look at Shape's limits.
  std::optional<Shape> shape;
  try {
    shape.emplace(entry.dims);
  } catch (const Error& error) {
    Fail("[{}] '{}', tensor '{}': {}", kSafetensors, file_.path(), Printable(name), error.what());
  }
  const Tensor tensor = Tensor::Empty(*shape, {*dtype, device});
  ReadElements(entry, tensor);
  return tensor;
}

void SafetensorsFile::LoadInto(const std::string& name, const Tensor& to) const {
  CheckFits(name, to);
  ReadElements(At(name), to);
}

void SafetensorsFile::ReadElements(const Entry& entry, const Tensor& to) const {
  const Tensor host =
      to.device().is_cpu() ? to : Tensor::Empty(to.shape(), {to.dtype(), Device::Cpu()});
  file_.Read(host.raw_data(), entry.offset, entry.bytes);
  if (entry.dtype == "BOOL") {
    const uint8_t* bytes = static_cast<const uint8_t*>(host.raw_data());
    const bool valid = std::all_of(bytes, bytes + entry.bytes, [](uint8_t b) { return b <= 1; });
    if (!valid) std::memset(host.raw_data(), 0, static_cast<size_t>(entry.bytes));
    CONVOY_CHECK(valid, "[{}] '{}', tensor '{}': BOOL bytes must be 0 or 1", kSafetensors,
                 file_.path(), Printable(entry.name));
  }
  if (!to.device().is_cpu()) to.CopyFrom(host);
}

}  // namespace convoy
