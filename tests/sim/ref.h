// Shared ownership that orders nothing between threads.
#pragma once

#include <atomic>
#include <utility>

#if defined(__SANITIZE_THREAD__)
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace convoy::sim {

/// A count of owners. ThreadSanitizer takes std::shared_ptr's count for synchronisation, so that
/// dropping a reference to an event would order the host behind the work before that event, and
/// hide a wait that is missing. Fences order as well, and it does not see them.
class Shared {
 public:
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  /// What a handle does that is no Ref.
  void Hold() { Add(); }
  void LetGo() { Drop(); }

 protected:
  Shared() = default;
  virtual ~Shared() = default;

 private:
  template <typename T>
  friend class Ref;

  void Add() { owners_.fetch_add(1, std::memory_order_relaxed); }
  void Drop() {
    std::atomic_thread_fence(std::memory_order_release);
    if (owners_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
    std::atomic_thread_fence(std::memory_order_acquire);
#if defined(__SANITIZE_THREAD__)
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
    delete this;
#if defined(__SANITIZE_THREAD__)
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
  }

  std::atomic<int> owners_{0};
};

/// An owner of a T, which derives from Shared.
template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(T* object) : object_(object) {  // NOLINT: as wanted
    if (object_ != nullptr) Base()->Add();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) Base()->Drop();
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Shared* Base() const { return object_; }

  T* object_ = nullptr;
};

}  // namespace convoy::sim
