#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/device.h"

namespace tunesmith {

/** d = a·b + a2·b2 + c, row-major, accumulated in float32, rounded once. The second pair is an adapter's low-rank share: it
    goes through the same accumulators (not so where cuBLASLt computes the first). a [m, k], a2 [m, k2]; b [n, k] and b2 [n, k2] with `b_transposed`, else b [k, n] and
    b2 [k2, n]; c and d [m, n]. Leading dimensions in elements. */
template <class T>
struct Gemm {
  int64_t m = 0, n = 0, k = 0, k2 = 0;
  const T *a = nullptr, *b = nullptr, *a2 = nullptr, *b2 = nullptr;
  int64_t lda = 0, ldb = 0, lda2 = 0, ldb2 = 0;
  bool b_transposed = true;
  const T* c = nullptr;  // or null
  T* d = nullptr;
  int64_t ldd = 0;  // of c, too
  bool half_d = false;  // d is float16; without c
  /** Where given, n is even, and this [m, n / 2] becomes silu(d's left half)·d's right half. */
  T* swiglu = nullptr;
  /** Where given, [m, 2·n]: rows of [gate | up] whose silu(gate)·up has the product as its gradient: it becomes its own
      gradient, and d gets silu(gate)·up. */
  T* gate_up = nullptr;
};

/** wgmma and TMA, compute capability 9.0 alone. */
bool gemm_sm90_takes(const CudaTarget&, const Gemm<__nv_bfloat16>&);
void gemm_sm90(const CudaTarget&, const Gemm<__nv_bfloat16>&);

/** mma.sync, compute capability 8.0 and up; any size, any alignment (fast where pointers are 16-byte aligned and leading
    dimensions multiples of 8). Ignores `swiglu`. */
void gemm_mma(const CudaTarget&, const Gemm<__nv_bfloat16>&);

/** Plain float32 multiply-adds, no tf32. Ignores `swiglu`. */
void gemm_f32(const CudaTarget&, const Gemm<float>&);

}  // namespace tunesmith
