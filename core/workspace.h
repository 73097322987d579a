// Memory that a kernel needs for itself: partial sums, counts, a library's scratch space.
#pragma once

#include <memory>

#include "core/storage.h"
#include "core/view.h"

namespace convoy {

/// Elements with an owner: what a Tensor is for an op. Freed with the object, in the order of the
/// device's work. A default-constructed one is undefined.
class Workspace {
 public:
  Workspace() = default;

  /// Uninitialised elements. Throws: Error if there is no memory for them.
  static Workspace Empty(const Shape& shape, TensorOptions options);
  static Workspace Zeros(const Shape& shape, TensorOptions options);

  bool defined() const { return view_.defined(); }
  size_t bytes() const { return view_.bytes(); }
  template <typename T>
  T* data() const {
    return view_.data<T>();
  }
  void* raw_data() const { return view_.raw_data(); }

  /// For kernels that it is handed to; not of a temporary, which would be gone.
  operator const View&() const& { return view_; }  // NOLINT: as a Tensor converts to one
  operator const View&() const&& = delete;

 private:
  Workspace(const Shape& shape, TensorOptions options);

  std::unique_ptr<Storage> storage_;
  View view_;
};

}  // namespace convoy
