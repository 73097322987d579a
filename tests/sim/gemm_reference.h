// The arithmetic of the simulated cuBLASLt: one product as the library understands it.
#pragma once

#include <library_types.h>

#include <cstdint>

namespace convoy::sim {

/// Element (i, j) of matrix number n is at[i * row_step + j * column_step + n * stride].
struct GemmOperand {
  const void* at;
  cudaDataType_t type;
  int64_t row_step, column_step, stride;
};

/// D (rows, columns), column-major = epilogue(A (rows, inner) @ B (inner, columns) + beta * D).
struct GemmReference {
  GemmOperand a, b;
  void* d;
  cudaDataType_t d_type;
  int64_t d_ld, d_stride;
  int64_t rows, columns, inner, batch;
  double beta;
  int split;         ///< the inner extent is summed in that many parts: other last bits
  const void* bias;  ///< (rows), or null
  bool relu, gelu;
  void* aux;  ///< of column stride aux_ld, or null: what goes into the GELU
  int64_t aux_ld;
  void* b_sums;  ///< (columns), or null: sums of B over the inner extent
  unsigned char* workspace;
  int64_t workspace_bytes;
  int delay_us;

  void Run() const;
};

}  // namespace convoy::sim
