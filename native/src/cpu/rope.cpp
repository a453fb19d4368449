/**
 * rope: rotate-half RoPE, in place, on the first `heads` heads of each row of x [rows, row_width]:
 *   (a, b) = (x[j], x[j + d/2]) becomes (a·cos - b·sin, b·cos + a·sin), the angle from tables [positions, d/2];
 *   `inverse` rotates by the negative angle, which is the backward.
 * float32, tables float32 (computed in double by the model). Bytes an element: 8. Limits: head_dim even.
 */
#include <omp.h>

#include "cpu/device.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

TUNESMITH_ROW_KERNEL void rotate_row(int64_t heads, int64_t half, const float* cosine, const float* sine, float sign,
                                     float* x) {
  for (int64_t h = 0; h < heads; ++h) {
    float* low = x + h * 2 * half;
    float* high = low + half;
#pragma omp simd
    for (int64_t j = 0; j < half; ++j) {
      const float a = low[j], b = high[j], s = sign * sine[j];
      low[j] = a * cosine[j] - b * s;
      high[j] = b * cosine[j] + a * s;
    }
  }
}

}  // namespace

void CpuDevice::rope(const Rope& op) {
  const int64_t half = op.head_dim / 2;
  const float sign = op.inverse ? -1.0f : 1.0f;
#pragma omp parallel for num_threads(threads_for(op.rows * op.heads * op.head_dim)) schedule(static)
  for (int64_t i = 0; i < op.rows; ++i) {
    const int64_t angle = static_cast<int64_t>(op.positions[i]) * half;
    rotate_row(op.heads, half, op.cosine + angle, op.sine + angle, sign, as_float(op.x) + i * op.row_width);
  }
}

}  // namespace tunesmith
