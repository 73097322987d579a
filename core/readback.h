// Reading a tensor's elements on the host, later: the copy is queued, and nobody waits for it.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/tensor.h"

namespace convoy {

/// A copy of a tensor's elements as they are after the work given to its device so far. The tensor
/// may be overwritten or go away meanwhile.
///
///     Readback loss(losses);       // every so many steps: costs the step nothing
///     if (loss.Done()) Print(loss.Item());
class Readback {
 public:
  explicit Readback(const Tensor& tensor);

  /// Whether the elements are there. Does not wait.
  bool Done() const { return copy_->Done(); }

  /// All elements. Waits for the device unless Done. Throws: Error if T is not the dtype.
  template <typename T>
  std::vector<T> Values() const {
    CheckDType(DTypeOf<T>());
    std::vector<T> values(static_cast<size_t>(numel_));
    const void* bytes = copy_->Wait();
    if (numel_ > 0) std::memcpy(values.data(), bytes, values.size() * sizeof(T));
    return values;
  }

  /// The one element, of whatever dtype. Waits for the device unless Done. Throws: Error unless
  /// the tensor has one element.
  double Item() const;

 private:
  void CheckDType(DType wanted) const;

  DType dtype_;
  int64_t numel_;
  std::shared_ptr<HostCopy> copy_;
};

}  // namespace convoy
