// A tensor: shared storage, shape, dtype, device, and its place in the autograd graph.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/backend.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"
#include "core/storage.h"
#include "core/view.h"

namespace convoy {

namespace internal {
struct Node;
struct TensorImpl;
}  // namespace internal

/// A handle: copies share the elements, the gradient and the graph. Always contiguous, row-major.
/// A default-constructed tensor is undefined: only `defined()` may be asked of it.
/// Not safe to use from two threads at once if one of them changes it.
class Tensor {
 public:
  Tensor() = default;

  /// Uninitialised elements. Throws: Error if there is no memory for them.
  static Tensor Empty(const Shape& shape, TensorOptions options = {});
  static Tensor Zeros(const Shape& shape, TensorOptions options = {});
  /// Every element `value`, converted to the dtype.
  static Tensor Full(const Shape& shape, double value, TensorOptions options = {});
  /// Copies `values` (row-major). Throws: Error unless there are shape.numel() of them.
  template <typename T>
  static Tensor From(const Shape& shape, const std::vector<T>& values, Device device = {}) {
    const int64_t count = static_cast<int64_t>(values.size());
    if constexpr (std::is_same_v<T, bool>) {  // std::vector<bool> has no elements to point to
      const std::vector<uint8_t> bytes(values.begin(), values.end());
      return FromHost(shape, bytes.data(), count, DType::kBool, device);
    } else {
      return FromHost(shape, values.data(), count, DTypeOf<T>(), device);
    }
  }
  template <typename T>
  static Tensor Scalar(T value, Device device = {}) {
    return FromHost(Shape(), &value, 1, DTypeOf<T>(), device);
  }

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  int64_t dim(int i) const { return shape()[i]; }
  int ndim() const { return shape().ndim(); }
  int64_t numel() const { return shape().numel(); }
  DType dtype() const;
  Device device() const;
  TensorOptions options() const { return {dtype(), device()}; }
  size_t bytes() const { return static_cast<size_t>(numel()) * SizeOf(dtype()); }

  /// The first element, in the device's memory. Throws: Error if T is not the dtype.
  template <typename T>
  T* data() const {
    CheckDType(DTypeOf<T>());
    return static_cast<T*>(raw_data());
  }
  void* raw_data() const;

  /// The elements, as kernels see them; undefined if the tensor is. Owns nothing: some handle must
  /// outlive it.
  operator convoy::View() const;  // NOLINT: ops hand tensors to kernels

  /// The one element, read back to the host. Throws: Error unless numel() is 1 and T the dtype.
  template <typename T>
  T Item() const {
    T value;
    CopyToHost(&value, 1, DTypeOf<T>());
    return value;
  }
  /// All elements, read back to the host. Throws: Error if T is not the dtype.
  template <typename T>
  std::vector<T> ToVector() const;

  /// A copy with its own elements, outside the graph.
  Tensor Clone() const;
  /// A copy on `device`, outside the graph; itself (detached) if it is there already.
  Tensor To(Device device) const;
  /// The same elements, outside the graph.
  Tensor Detach() const;
  /// The same elements from `offset` on (in elements), under another shape, outside the graph.
  /// Throws: Error if they do not lie within this tensor.
  Tensor View(const Shape& shape, int64_t offset = 0) const;
  /// Overwrites the elements with those of `source` (same shape and dtype, any device).
  void CopyFrom(const Tensor& source) const;
  void Zero() const;

  // Autograd (core/autograd.h says how a graph is recorded and walked).

  /// True for a leaf that was asked to collect gradients, and for everything computed from one.
  bool requires_grad() const;
  /// Makes this leaf collect gradients. Throws: Error on a computed tensor or a dtype that is not
  /// floating.
  Tensor& SetRequiresGrad(bool requires_grad = true);
  bool is_leaf() const;
  /// Gradient of a leaf: undefined until Backward has reached it, and after ZeroGrad. Waits for a
  /// sum over workers that is under way as Work::Wait does, and throws what that throws.
  Tensor grad() const;
  /// Forgets the gradient: the next Backward overwrites it. Touches no memory.
  void ZeroGrad() const;
  /// Gives the gradient a permanent place (a slice of a flat buffer); same shape, dtype, device.
  void SetGradSlot(const Tensor& slot) const;
  /// Moves a leaf's elements into `place` (same shape, dtype, device); all handles follow.
  void MoveInto(const Tensor& place) const;

  /// Differentiates this scalar with respect to every leaf that it was computed from, as
  /// convoy::Backward does with its default options.
  void Backward() const;

  /// Handles of the same tensor.
  bool Is(const Tensor& other) const { return impl_ == other.impl_; }

  internal::TensorImpl* impl() const { return impl_.get(); }
  const std::shared_ptr<internal::TensorImpl>& shared_impl() const { return impl_; }
  explicit Tensor(std::shared_ptr<internal::TensorImpl> impl) : impl_(std::move(impl)) {}

 private:
  static Tensor FromHost(const Shape& shape, const void* values, int64_t count, DType dtype,
                         Device device);
  void CopyToHost(void* values, int64_t count, DType dtype) const;
  void CheckDType(DType dtype) const;
  internal::TensorImpl& Defined() const;  // throws if it is not

  std::shared_ptr<internal::TensorImpl> impl_;
};

template <typename T>
std::vector<T> Tensor::ToVector() const {
  if constexpr (std::is_same_v<T, bool>) {
    std::vector<uint8_t> bytes(static_cast<size_t>(numel()));
    CopyToHost(bytes.data(), numel(), DType::kBool);
    return {bytes.begin(), bytes.end()};
  } else {
    std::vector<T> values(static_cast<size_t>(numel()));
    CopyToHost(values.data(), numel(), DTypeOf<T>());
    return values;
  }
}

/// A parameter and the name it has in its model and in checkpoints ("h.0.attn.c_attn.weight").
struct NamedTensor {
  std::string name;
  Tensor tensor;
};
using ParameterList = std::vector<NamedTensor>;

}  // namespace convoy
