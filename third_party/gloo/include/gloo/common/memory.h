// Stands in for a header of Gloo that Debian's libgloo-dev leaves out, although three of the
// package's headers include it. It declares what those need, with the memory layout that the
// package's library has: a reference to a buffer that its owner may destroy at any time.
#pragma once

#include <memory>

namespace gloo {

template <typename T>
class NonOwningPtr;

template <typename T>
class ShareableNonOwningPtr;

template <typename T>
class WeakNonOwningPtr final {
 private:
  std::weak_ptr<T> buffer_;
};

}  // namespace gloo
