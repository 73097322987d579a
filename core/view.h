// What a kernel sees of a tensor: where its elements are and what they are. No owner, no graph.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace convoy {

/// Dtype and device of a new tensor; by default f32 on cpu:0.
struct TensorOptions {
  DType dtype = DType::kF32;
  Device device;
};

/// A view of a tensor's elements, contiguous and row-major. It owns nothing: it is valid as long as
/// some handle keeps these elements alive, and until MoveInto gives the tensor others. A Tensor
/// converts to one by itself, so that ops hand tensors to kernels, and kernels need not be compiled
/// again when the tensor or the autograd engine changes. A default-constructed view is
/// undefined, as a tensor is: only `defined()` may be asked of it.
class View {
 public:
  View() = default;
  View(void* data, const Shape& shape, TensorOptions options)
      : data_(data), shape_(shape), options_(options), defined_(true) {}

  bool defined() const { return defined_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int i) const { return shape_[i]; }
  int ndim() const { return shape_.ndim(); }
  int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return options_.dtype; }
  Device device() const { return options_.device; }
  TensorOptions options() const { return options_; }
  size_t bytes() const { return static_cast<size_t>(numel()) * SizeOf(dtype()); }

  /// The first element, in the device's memory. Throws: Error if T is not the dtype, or if the view
  /// is undefined.
  template <typename T>
  T* data() const {
    CheckIs(DTypeOf<T>());
    return static_cast<T*>(data_);
  }
  void* raw_data() const { return data_; }

  /// Overwrites the elements with those of `source`, on any device. Throws: Error unless that has
  /// as many elements of the same dtype, or if one of the views is undefined.
  void CopyFrom(const View& source) const;
  /// Throws: Error if the view is undefined.
  void Zero() const;

 private:
  void CheckDefined() const;
  void CheckIs(DType dtype) const;

  void* data_ = nullptr;
  Shape shape_;
  TensorOptions options_;
  bool defined_ = false;
};

/// Where a backward function writes the gradient of one input. It owns nothing, and is valid only
/// until the backward function that asked for it returns: do not store it.
struct GradTarget {
  View tensor;              ///< shape, dtype and device of the input
  bool accumulate = false;  ///< add to what it holds, rather than overwrite (a GEMM's beta)
};

}  // namespace convoy
