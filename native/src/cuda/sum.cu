/**
 * add_sum: *total += sum of `count` float32, in double. One block: the losses of a step, 64 KB for 16,384 tokens, are too
 * few to share out, and each number has its fixed place in the sum, so the same bits every time. About 5 µs, all latency.
 * Limits: none; values that are not 16-byte aligned go by the element.
 */
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

constexpr int kThreads = 1024;
constexpr int kInFlight = 4;

template <int N>
__global__ void __launch_bounds__(kThreads) add_sum_kernel(int64_t count, const float* values, double* total) {
  __shared__ double shared[32];
  const int64_t packs = count / N;
  double sum = 0;
  for (int64_t first = threadIdx.x; first < packs; first += kInFlight * kThreads) {
    Pack<float, N> held[kInFlight] = {};
#pragma unroll
    for (int u = 0; u < kInFlight; ++u) {
      if (first + u * kThreads < packs) held[u] = load_pack<float, N>(values + (first + u * kThreads) * N);
    }
#pragma unroll
    for (int u = 0; u < kInFlight; ++u) {
#pragma unroll
      for (int k = 0; k < N; ++k) sum += static_cast<double>(held[u].value[k]);
    }
  }
  const int64_t tail = packs * N + threadIdx.x;
  if (tail < count) sum += static_cast<double>(values[tail]);
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0) *total += sum;
}

}  // namespace

void CudaDevice::add_sum(int64_t count, const float* values, double* total) {
  for_pack_size<float>(splits_into_packs<float>(0, values), [&](auto size) {
    add_sum_kernel<decltype(size)::value><<<1, kThreads, 0, stream()>>>(count, values, total);
  });
  check_launch("adding up losses");
}

}  // namespace tunesmith
