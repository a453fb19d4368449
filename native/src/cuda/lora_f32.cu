/**
 * The adapter's products in float32: c = scale·a·b or c += scale·a·b, a [m, k], b [k, n], each with its own steps, so that
 * one kernel is xa, g, da and db. Plain multiply-adds in the order of k; the sum over k is split among blocks where m·n
 * is small, and the parts added in their order.
 * FLOP 2·m·n·k. The format that is held to the CPU's tolerances, not the one that trains: 64×16 sums a block, 4 a thread.
 * Limits: none beyond 64-bit sizes and 2^31 blocks.
 */
#include "cuda/lora_f32.h"

#include "cuda/check.h"
#include "cuda/lora_split.h"

namespace tunesmith::lora {

namespace {

constexpr int kThreads = 256;
constexpr int kRows = 64, kColumns = 16, kDepth = 32;
constexpr int kRowPad = 4;  // keeps a thread's four rows one 16-byte load

__global__ void __launch_bounds__(kThreads) product_kernel(const Product32 p, int64_t splits, float* sums) {
  __shared__ __align__(16) float a[kDepth][kRows + kRowPad];
  __shared__ float b[kDepth][kColumns];
  const int thread = threadIdx.x, column = thread % kColumns, row = thread / kColumns * 4;
  const int64_t tiles = (p.n + kColumns - 1) / kColumns;
  const int64_t split = blockIdx.x % splits, tile = blockIdx.x / splits;
  const int64_t first_row = tile / tiles * kRows, first_column = tile % tiles * kColumns;
  const int64_t steps = (p.k + kDepth - 1) / kDepth;
  float sum[4] = {};
  for (int64_t step = steps * split / splits; step < steps * (split + 1) / splits; ++step) {
    const int64_t first = step * kDepth;
    // Neighbouring threads read neighbouring addresses.
    for (int e = thread; e < kRows * kDepth; e += kThreads) {
      const int k = p.a_step.column == 1 ? e % kDepth : e / kRows, i = p.a_step.column == 1 ? e / kDepth : e % kRows;
      const bool inside = first_row + i < p.m && first + k < p.k;
      a[k][i] = inside ? p.a[(first_row + i) * p.a_step.row + (first + k) * p.a_step.column] : 0.0f;
    }
    for (int e = thread; e < kColumns * kDepth; e += kThreads) {
      const int k = p.b_step.row == 1 ? e % kDepth : e / kColumns, j = p.b_step.row == 1 ? e / kDepth : e % kColumns;
      const bool inside = first_column + j < p.n && first + k < p.k;
      b[k][j] = inside ? p.b[(first + k) * p.b_step.row + (first_column + j) * p.b_step.column] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sum[i] += a[k][row + i] * b[k][column];
    }
    __syncthreads();
  }
  const int64_t j = first_column + column;
  for (int n = 0; n < 4; ++n) {
    const int64_t i = first_row + row + n;
    if (i >= p.m || j >= p.n) continue;
    if (splits > 1) {
      sums[(split * p.m + i) * p.n + j] = sum[n];
    } else {
      float& c = p.c[i * p.c_step.row + j * p.c_step.column];
      c = (p.add ? c : 0.0f) + p.scale * sum[n];
    }
  }
}

__global__ void __launch_bounds__(kThreads) finish_kernel(const Product32 p, int64_t splits, const float* sums) {
  const int64_t e = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (e >= p.m * p.n) return;
  float sum = 0;
  for (int64_t split = 0; split < splits; ++split) sum += sums[split * p.m * p.n + e];
  float& c = p.c[e / p.n * p.c_step.row + e % p.n * p.c_step.column];
  c = (p.add ? c : 0.0f) + p.scale * sum;
}

}  // namespace

void multiply(const CudaTarget& target, const Product32& p, void* scratch) {
  if (p.m == 0 || p.n == 0) return;
  const int64_t tiles = (p.m + kRows - 1) / kRows * ((p.n + kColumns - 1) / kColumns);
  const int64_t fitting = kColumnSumBytes / (p.m * p.n * static_cast<int64_t>(sizeof(float)));
  const int64_t limit = std::min((p.k + 4 * kDepth - 1) / (4 * kDepth), fitting);
  const double traffic = 2.0 * static_cast<double>(p.n) / static_cast<double>(std::max<int64_t>(p.k, 1));
  const int64_t splits = best_split(tiles, limit, target.multiprocessors, traffic).parts;
  float* sums = static_cast<float*>(scratch);
  product_kernel<<<static_cast<unsigned>(tiles * splits), kThreads, 0, target.stream>>>(p, splits, sums);
  check_launch("multiplying by an adapter in float32");
  if (splits == 1) return;
  const int64_t blocks = (p.m * p.n + kThreads - 1) / kThreads;
  finish_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, target.stream>>>(p, splits, sums);
  check_launch("adding up an adapter's float32 products");
}

}  // namespace tunesmith::lora
