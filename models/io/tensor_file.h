// Files of named tensors, whatever their format; formats register themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace convoy {

/// Free text by key, kept in the file's header.
using Metadata = std::map<std::string, std::string>;

/// A file of named tensors whose header has been read and checked. Tensors are read one by one when
/// asked for.
class TensorFile {
 public:
  struct Entry {
    std::string name;
    std::string dtype;  ///< as safetensors calls it: "F32"; also types that no Tensor has: "I16"
    std::vector<int64_t> dims;
    int64_t offset = 0;  ///< in the file, in bytes
    int64_t bytes = 0;
  };

  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  virtual const std::string& path() const = 0;
  /// In the order of their data.
  virtual const std::vector<Entry>& entries() const = 0;
  virtual const Metadata& metadata() const = 0;
  /// Whether two tensors of the file have the same dtype, shape and bytes.
  virtual bool SameElements(const Entry& a, const Entry& b) const = 0;
  /// Reads a tensor. Throws: Error if there is no such tensor, or no Tensor can have its dtype or
  /// shape.
  virtual Tensor Load(const std::string& name, Device device = {}) const = 0;

 protected:
  TensorFile() = default;
};

/// A file format.
struct TensorFormat {
  std::string ending;  ///< of the names of its files: ".safetensors"
  /// Opens a file, and reads and checks its header. Throws: Error naming the file, what was
  /// expected and what was found.
  std::function<std::unique_ptr<const TensorFile>(const std::string& path)> open;
  /// Writes a file, which appears whole or not at all. Throws: Error naming the file and the
  /// reason.
  std::function<void(const std::string& path, const ParameterList& tensors, const Metadata&)> save;
};

/// Registers a format before main() starts: a constant of this type in the format's own .cc file is
/// all that it takes for checkpoints to be read and written in it.
struct RegisterTensorFormat {
  explicit RegisterTensorFormat(TensorFormat format);
};

/// The format of a file by the ending of its name; safetensors for every other name. Safe to call
/// from several threads once main() has started.
const TensorFormat& TensorFormatOf(const std::string& path);

}  // namespace convoy
