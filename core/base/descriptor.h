// An open file descriptor that has one owner.
#pragma once

namespace convoy {

/// Closes the descriptor of a file, socket or pipe when it goes out of scope. Move-only.
class Descriptor {
 public:
  /// A negative number is no descriptor, as system calls return it on failure.
  explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.Release()) {}
  /// Closes what this object owned before.
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  /// Gives up ownership: the caller closes what is returned.
  int Release();
  /// Keeps errno as it was.
  void Close();

 private:
  int descriptor_;
};

}  // namespace convoy
