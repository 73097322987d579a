// How the formulas in ops/pointwise are compiled: once per instruction set for Highway vectors, and
// once for scalars.
//
// A file that includes hwy/highway.h first (with hwy/foreach_target.h, for every instruction set)
// gets them in convoy::HWY_NAMESPACE; every other file gets them in convoy::scalar. They need to be
// inside these namespaces because a function must carry the instruction set of what it inlines.
#pragma once

#if defined(HWY_BEFORE_NAMESPACE)
#define CONVOY_POINTWISE_BEGIN \
  HWY_BEFORE_NAMESPACE();      \
  namespace convoy::HWY_NAMESPACE {
#define CONVOY_POINTWISE_END \
  }                          \
  HWY_AFTER_NAMESPACE();
#define CONVOY_POINTWISE HWY_INLINE
#else
#define CONVOY_POINTWISE_BEGIN namespace convoy::scalar {
#define CONVOY_POINTWISE_END }
#if defined(__CUDACC__)
#define CONVOY_POINTWISE __host__ __device__ __forceinline__
#else
#define CONVOY_POINTWISE inline
#endif
#endif
