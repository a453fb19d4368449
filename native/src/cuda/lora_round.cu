/**
 * lora_round: copy = [a | scale·b] in the products' format: a [stride, in], then [out, stride] with the parts' b, scaled, on
 * the diagonal; zeros elsewhere. Scaled in float32, rounded once. One launch after every change of the masters.
 * Bytes: 4 a master element, 2 (bfloat16) an element of the copy.
 * Limits: 2^31 blocks.
 */
#include <type_traits>

#include "cuda/check.h"
#include "cuda/element.cuh"
#include "cuda/lora_products.h"

namespace tunesmith {

namespace {

constexpr int kThreads = 256;
constexpr int kGroup = 4;  // elements a thread

template <class T>
__device__ void store_rounded(T* to, const float4& x) {
  if constexpr (std::is_same_v<T, float>) {
    *reinterpret_cast<float4*>(to) = x;
  } else {
    auto* pairs = reinterpret_cast<__nv_bfloat162*>(to);
    pairs[0] = __floats2bfloat162_rn(x.x, x.y);
    pairs[1] = __floats2bfloat162_rn(x.z, x.w);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) round_kernel(const __grid_constant__ LinearLora lora, int64_t in, int64_t out,
                                                         int64_t stride, bool aligned, T* copy) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kGroup;
  const int64_t a_count = stride * in;
  if (first >= a_count + out * stride) return;
  float value[kGroup] = {};
  if (first < a_count) {
    const int64_t left = lora.parts * lora.rank * in - first;
    if (aligned && left >= kGroup) {
      store_rounded(copy + first, *reinterpret_cast<const float4*>(lora.a + first));
      return;
    }
    for (int i = 0; i < kGroup; ++i) {
      if (i < left) value[i] = lora.a[first + i];
    }
  } else {
    const int64_t row = (first - a_count) / stride, column = (first - a_count) % stride;
    for (int which = 0; which < lora.parts; ++which) {
      const LinearLora::Part& part = lora.part[which];
      const int64_t row_of_part = row - part.first_column;
      if (row_of_part < 0 || row_of_part >= part.columns) continue;
      for (int i = 0; i < kGroup; ++i) {
        const int64_t r = column + i - which * lora.rank;
        if (r >= 0 && r < lora.rank) value[i] = lora.scale * part.b[row_of_part * lora.rank + r];
      }
    }
  }
  store_rounded(copy + first, make_float4(value[0], value[1], value[2], value[3]));
}

}  // namespace

template <class T>
void lora_round(const CudaTarget& target, const LinearLora& lora, int64_t in, int64_t out, int64_t stride, T* copy) {
  const int64_t groups = stride * (in + out) / kGroup;
  if (groups == 0) return;
  const bool aligned = reinterpret_cast<uintptr_t>(lora.a) % sizeof(float4) == 0;
  const int64_t blocks = (groups + kThreads - 1) / kThreads;
  round_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, target.stream>>>(lora, in, out, stride, aligned, copy);
  check_launch("rounding an adapter");
}

template void lora_round(const CudaTarget&, const LinearLora&, int64_t, int64_t, int64_t, float*);
template void lora_round(const CudaTarget&, const LinearLora&, int64_t, int64_t, int64_t, __nv_bfloat16*);

}  // namespace tunesmith
