// Memory of one device, freed when its last owner goes.
#include "core/storage.h"

#include "core/backend.h"
#include "core/base/error.h"

namespace convoy {

Storage::Storage(Device device, size_t bytes)
    : device_(device), bytes_(bytes), data_(GetBackend(device.type).Allocate(device, bytes)) {}

Storage::~Storage() { GetBackend(device_.type).Free(device_, data_, bytes_); }

size_t TensorBytes(const Shape& shape, DType dtype) {
  int64_t bytes = 0;
  CONVOY_CHECK(!__builtin_mul_overflow(shape.numel(), SizeOf(dtype), &bytes),
               "[Tensor] {} {} is larger than any memory", Name(dtype), shape.ToString());
  return static_cast<size_t>(bytes);
}

}  // namespace convoy
