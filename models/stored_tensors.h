// Parameters as a file stores them: under which names, in which layout.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/shape.h"
#include "core/tensor.h"
#include "models/io/tensor_file.h"

namespace convoy {

/// A parameter as it stands in a file.
struct StoredTensor {
  NamedTensor parameter;
  bool transposed = false;

  Shape shape() const;
};

/// The tensors of a file, under the names that parameters have.
struct FileTensors {
  using Entry = TensorFile::Entry;

  /// Names without what wrappers of PyTorch have put into them. `file` must outlive this.
  FileTensors(const TensorFile& file, const std::vector<StoredTensor>& stored);

  /// The tensor of that name; null if there is none.
  const Entry* Find(const std::string& name) const;

  std::vector<std::pair<std::string, const Entry*>> tensors;
  std::vector<std::string> notes;  ///< what was done to the names
};

/// Overwrites the parameters. Nothing is changed unless every parameter has its tensor, every
/// tensor its parameter, and shapes and dtypes fit. Throws: Error as LoadParameters.
void LoadStored(const TensorFile& file,
                const std::vector<std::pair<std::string, const TensorFile::Entry*>>& tensors,
                const std::vector<StoredTensor>& stored);

/// Writes the parameters in the format that `path` says (TensorFormatOf). Throws: Error as
/// SaveParameters.
void SaveStored(const std::string& path, const std::vector<StoredTensor>& stored,
                const Metadata& metadata);

}  // namespace convoy
