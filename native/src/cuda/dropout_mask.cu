/**
 * y = mask ∘ x or y += mask ∘ x, [rows, width], the mask made on the way by Philox.
 * One pass: 2 elements moved for one of x, 3 where it adds; 16 bytes an access, one access a thread. About 20 integer
 * instructions an element, which the accesses to memory hide.
 * Limits: rows times blocks of a row below 2^31; a width or an address that does not split into packs goes by the element.
 */
#include "cuda/check.h"
#include "cuda/dropout_mask.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

constexpr int kThreads = 256;

/** Rows of `packs` packs of N elements; a row is `blocks_of_row` blocks' work. */
template <class T, int N, bool kAdd>
__global__ void __launch_bounds__(kThreads) mask_kernel(DropoutMask mask, int64_t packs, unsigned blocks_of_row, const T* x,
                                                        T* y) {
  const int64_t row = blockIdx.x / blocks_of_row;
  const int64_t i = static_cast<int64_t>(blockIdx.x % blocks_of_row) * kThreads + threadIdx.x;
  if (i >= packs) return;
  const int64_t at = (row * packs + i) * N;
  const auto from = load_pack<T, N>(x + at);
  float factors[N];
  if constexpr (N == 1) {
    factors[0] = mask.factors(row, i / DropoutMask::kBlock).of[i % DropoutMask::kBlock];
  } else {
    static_assert(N % DropoutMask::kBlock == 0);
#pragma unroll
    for (int b = 0; b < N / DropoutMask::kBlock; ++b) {
      const DropoutMask::Factors block = mask.factors(row, i * (N / DropoutMask::kBlock) + b);
#pragma unroll
      for (int k = 0; k < DropoutMask::kBlock; ++k) factors[b * DropoutMask::kBlock + k] = block.of[k];
    }
  }
  float out[N];
#pragma unroll
  for (int k = 0; k < N; ++k) {
    // A factor of 0 leaves out what is not a number, too.
    out[k] = factors[k] == 0.0f ? 0.0f : to_float(from.value[k]) * factors[k];
  }
  if constexpr (kAdd) {
    const auto before = load_pack<T, N>(y + at);
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] += to_float(before.value[k]);
  }
  store_global(y + at, round_pack<T>(out));
}

}  // namespace

template <class T>
void apply_mask(const CudaTarget& target, const DropoutMask& mask, int64_t rows, int64_t width, const T* x, T* y, bool add) {
  if (rows == 0 || width == 0) return;
  const auto launch = [&](auto count) {
    constexpr int N = decltype(count)::value;
    const int64_t packs = width / N;
    const unsigned blocks = static_cast<unsigned>((packs + kThreads - 1) / kThreads);
    const auto kernel = add ? mask_kernel<T, N, true> : mask_kernel<T, N, false>;
    kernel<<<static_cast<unsigned>(rows) * blocks, kThreads, 0, target.stream>>>(mask, packs, blocks, x, y);
  };
  for_pack_size<T>(splits_into_packs<T>(width, x, y), launch);
  check_launch("masking an adapter's input");
}

template void apply_mask(const CudaTarget&, const DropoutMask&, int64_t, int64_t, const float*, float*, bool);
template void apply_mask(const CudaTarget&, const DropoutMask&, int64_t, int64_t, const __nv_bfloat16*, __nv_bfloat16*, bool);

}  // namespace tunesmith
