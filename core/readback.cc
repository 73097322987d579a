// Reading a tensor's elements on the host, later: the copy is queued, and nobody waits for it.
#include "core/readback.h"

namespace convoy {

Readback::Readback(const Tensor& tensor)
    : dtype_(tensor.dtype()),
      numel_(tensor.numel()),
      copy_(GetBackend(tensor.device().type)
                .StartCopyToHost(tensor.device(), tensor.raw_data(), tensor.bytes())) {}

double Readback::Item() const {
  CONVOY_CHECK(numel_ == 1, "[Readback] Item wants one element, there are {}", numel_);
  return DispatchAll(dtype_, [&]<typename T>(T value) {
    std::memcpy(&value, copy_->Wait(), sizeof(T));
    return static_cast<double>(static_cast<ComputeType<T>>(value));
  });
}

void Readback::CheckDType(DType wanted) const {
  CONVOY_CHECK(dtype_ == wanted, "[Readback] elements are {}, not {}", Name(dtype_), Name(wanted));
}

}  // namespace convoy
