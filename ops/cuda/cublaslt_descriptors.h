// Descriptors of cuBLASLt: owned, and told what they describe.
#pragma once

#include <cstdint>
#include <memory>

#include "core/dtype.h"
#include "ops/cuda/cublaslt_api.h"

namespace convoy::cuda::cublaslt {

inline cudaDataType_t DataType(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return CUDA_R_64F;
    case DType::kBF16:
      return CUDA_R_16BF;
    case DType::kF16:
      return CUDA_R_16F;
    default:
      return CUDA_R_32F;
  }
}

/// Calls the library's own function.
template <typename T>
struct Destroy {
  cublasStatus_t (*function)(T*);
  void operator()(T* descriptor) const { function(descriptor); }
};
template <typename T>
using Owned = std::unique_ptr<T, Destroy<T>>;
using Operation = Owned<cublasLtMatmulDescOpaque_t>;
using Layout = Owned<cublasLtMatrixLayoutOpaque_t>;
using Preference = Owned<cublasLtMatmulPreferenceOpaque_t>;

template <typename T>
void SetAttribute(const Operation& to, cublasLtMatmulDescAttributes_t attribute, T value) {
  CONVOY_CUBLASLT(
      CublasLt().cublasLtMatmulDescSetAttribute(to.get(), attribute, &value, sizeof value));
}
template <typename T>
void SetAttribute(const Layout& to, cublasLtMatrixLayoutAttribute_t attribute, T value) {
  CONVOY_CUBLASLT(
      CublasLt().cublasLtMatrixLayoutSetAttribute(to.get(), attribute, &value, sizeof value));
}
template <typename T>
void SetAttribute(const Preference& to, cublasLtMatmulPreferenceAttributes_t attribute, T value) {
  CONVOY_CUBLASLT(
      CublasLt().cublasLtMatmulPreferenceSetAttribute(to.get(), attribute, &value, sizeof value));
}

/// A batch of row-major (rows, columns) matrices, one behind the other, or one `repeat`ed.
inline Layout MakeLayout(DType dtype, int64_t rows, int64_t columns, int64_t batch, bool repeat) {
  cublasLtMatrixLayout_t layout;
  CONVOY_CUBLASLT(CublasLt().cublasLtMatrixLayoutCreate(&layout, DataType(dtype),
                                                        static_cast<uint64_t>(columns),
                                                        static_cast<uint64_t>(rows), columns));
  Layout owned(layout, {CublasLt().cublasLtMatrixLayoutDestroy});
  if (batch > 1) {
    SetAttribute(owned, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(batch));
    SetAttribute(owned, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                 repeat ? int64_t{0} : rows * columns);
  }
  return owned;
}

}  // namespace convoy::cuda::cublaslt
