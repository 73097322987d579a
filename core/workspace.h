// Memory that a kernel needs for itself: partial sums, counts, a library's scratch space.
#pragma once

#include <memory>
#include <utility>

#include "core/storage.h"
#include "core/view.h"

namespace convoy {

/// Scratch memory of a kernel. It is freed with the object, after the work that the device was
/// given before. A default-constructed one is undefined, and so is one that was moved from.
class Workspace {
 public:
  Workspace() = default;
  Workspace(Workspace&& other) noexcept
      : storage_(std::move(other.storage_)), view_(std::exchange(other.view_, {})) {}
  Workspace& operator=(Workspace&& other) noexcept {
    storage_ = std::move(other.storage_);
    view_ = std::exchange(other.view_, {});
    return *this;
  }

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

  /// For the kernels that it is handed to. Deleted for temporaries, whose memory would be freed
  /// before the kernel uses it.
  operator const View&() const& { return view_; }  // NOLINT: as a Tensor converts to one
  operator const View&() const&& = delete;

 private:
  Workspace(const Shape& shape, TensorOptions options);

  std::unique_ptr<Storage> storage_;
  View view_;
};

}  // namespace convoy
