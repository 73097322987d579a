// Memory of one device, freed when its last owner goes.
#pragma once

#include <cstddef>

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace convoy {

/// A block from the device's allocator.
class Storage {
 public:
  /// Throws: Error if there is no memory for it.
  Storage(Device device, size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  Device device_;
  size_t bytes_;
  void* data_;
};

/// Bytes of a tensor. Throws: Error if it is larger than any memory.
size_t TensorBytes(const Shape& shape, DType dtype);

}  // namespace convoy
