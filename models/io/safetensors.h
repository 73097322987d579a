// Named tensors in files of the safetensors format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/tensor.h"
#include "models/io/tensor_file.h"

namespace convoy {

/// Writes tensors of any device. The file appears whole or not at all (AtomicFile).
/// Throws: Error on a name that occurs twice, or is no valid one (UTF-8, at most 1 KiB); on more
/// than the reader takes (262,144 tensors; 16,384 entries of metadata, each of 4 MiB as JSON writes
/// it); if the file cannot be written, with the system's reason. An old file is then untouched.
void SaveSafetensors(const std::string& path, const ParameterList& tensors,
                     const Metadata& metadata = {});

/// A safetensors file.
class SafetensorsFile final : public TensorFile {
 public:
  /// Throws: Error naming the file (and the tensor), what was expected and found, unless header and
  /// sizes are as the format has them. No memory is taken for sizes that the file does not have,
  /// and no more for a header than a few times its own size: at most 64 extents, 1 KiB of name and
  /// 262,144 tensors are read.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const override { return file_.path(); }
  const std::vector<Entry>& entries() const override { return entries_; }
  const Metadata& metadata() const override { return metadata_; }
  bool Contains(const std::string& name) const { return Find(name) != nullptr; }
  /// Throws: Error if there is no such tensor.
  const Entry& At(const std::string& name) const;

  bool SameElements(const Entry& a, const Entry& b) const override;
  Tensor Load(const std::string& name, Device device = {}) const override;
  /// Overwrites the elements of `to`. Throws: Error also if shape or dtype differ.
  void LoadInto(const std::string& name, const Tensor& to) const;
  /// What LoadInto would throw, without reading.
  void CheckFits(const std::string& name, const Tensor& to) const;

 private:
  const Entry* Find(const std::string& name) const;  // null if there is none
  void ReadElements(const Entry& entry, const Tensor& to) const;

  InputFile file_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> by_name_;  // indices of entries_
  Metadata metadata_;
};

}  // namespace convoy
