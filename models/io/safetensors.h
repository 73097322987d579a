// Named tensors in files of the safetensors format.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/tensor.h"

namespace convoy {

/// Free text by key, kept in the file's header.
using Metadata = std::map<std::string, std::string>;

/// Writes tensors of any device. The file appears whole or not at all (AtomicFile).
/// Throws: Error on a name that occurs twice, or is no valid one (UTF-8, at most 1 KiB); on more
/// than the reader takes (262,144 tensors; 16,384 entries of metadata, each of 4 MiB as JSON writes
/// it); if the file cannot be written, with the system's reason: what was there before is then
/// untouched.
void SaveSafetensors(const std::string& path, const ParameterList& tensors,
                     const Metadata& metadata = {});

struct SafetensorsOptions {
  bool allow_missing = false;  ///< tensors that the file does not hold stay as they are
  bool allow_extra = false;    ///< the file may hold more tensors
};

/// Overwrites the elements of `tensors` with those under the same names. Everything is checked
/// before the first tensor is touched.
/// Throws: Error as SafetensorsFile; and on the first tensor that is missing, has another shape or
/// dtype, or that nobody asked for.
void LoadSafetensors(const std::string& path, const ParameterList& tensors,
                     const SafetensorsOptions& options = {});

/// A file whose header has been read and checked. Tensors are read one by one when asked for.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    std::string dtype;  ///< as in the file: "F32"; also types that no Tensor has: "I16"
    std::vector<int64_t> dims;
    int64_t offset = 0;  ///< in the file, in bytes
    int64_t bytes = 0;
  };

  /// Throws: Error naming the file (and the tensor), what was expected and found, unless header and
  /// sizes are as the format has them. No memory is taken for sizes that the file does not have,
  /// and no more for a header than a few times its own size: at most 64 extents, 1 KiB of name and
  /// 262,144 tensors are read.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  /// In the order of their data.
  const std::vector<Entry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  bool Contains(const std::string& name) const { return Find(name) != nullptr; }
  /// Throws: Error if there is no such tensor.
  const Entry& At(const std::string& name) const;

  /// Whether two tensors of the file have the same dtype, shape and bytes.
  bool SameElements(const Entry& a, const Entry& b) const;

  /// Throws: Error if there is no such tensor, or no Tensor can have its dtype or shape.
  Tensor Load(const std::string& name, Device device = {}) const;
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
