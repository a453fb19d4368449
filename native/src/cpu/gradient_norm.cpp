/**
 * gradient_norm: *norm = sqrt(sum g²) over `count` float32. Blocks of 16,384 are summed in double each by one thread,
 * the blocks' sums in order by one: the same bits for any number of threads. 4 bytes an element. Limits: none.
 */
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "cpu/device.h"
#include "cpu/scratch.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

constexpr int64_t kBlock = 16384;

TUNESMITH_ROW_KERNEL double sum_of_squares(int64_t count, const float* x) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

int64_t blocks_of(int64_t count) { return (count + kBlock - 1) / kBlock; }

}  // namespace

size_t norm_scratch_bytes(int64_t count) { return static_cast<size_t>(blocks_of(count)) * sizeof(double); }

void CpuDevice::gradient_norm(int64_t count, const float* gradient, double* norm) {
  double* partial = reinterpret_cast<double*>(scratch_);
  const int64_t blocks = blocks_of(count);
#pragma omp parallel for num_threads(threads_for(count)) schedule(static)
  for (int64_t b = 0; b < blocks; ++b) {
    partial[b] = sum_of_squares(std::min(kBlock, count - b * kBlock), gradient + b * kBlock);
  }
  double sum = 0;
  for (int64_t b = 0; b < blocks; ++b) sum += partial[b];
  *norm = std::sqrt(sum);
}

}  // namespace tunesmith
