/**
 * rms_norm_forward:  y = x·rstd·w, rstd = 1 / sqrt(mean(x²) + epsilon).       x, y [rows, width], w [width], rstd [rows]
 * rms_norm_backward: dx += rstd·(dy·w) - x·rstd³·mean(dy·w·x)                 w is frozen: no dw
 * float32 throughout, the row's sums too. Bytes an element: forward 8, backward 16 (x, dy, dx twice).
 * Limits: none beyond 64-bit sizes.
 */
#include <omp.h>

#include <cmath>

#include "cpu/device.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

TUNESMITH_ROW_KERNEL float forward_row(int64_t width, float epsilon, const float* x, const float* w, float* y) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t j = 0; j < width; ++j) squares += x[j] * x[j];
  const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(width) + epsilon);
#pragma omp simd
  for (int64_t j = 0; j < width; ++j) y[j] = x[j] * rstd * w[j];
  return rstd;
}

TUNESMITH_ROW_KERNEL void backward_row(int64_t width, float rstd, const float* x, const float* w, const float* dy,
                                       float* dx) {
  float projection = 0;
#pragma omp simd reduction(+ : projection)
  for (int64_t j = 0; j < width; ++j) projection += dy[j] * w[j] * x[j];
  const float along = projection / static_cast<float>(width) * rstd * rstd * rstd;
#pragma omp simd
  for (int64_t j = 0; j < width; ++j) dx[j] += rstd * (dy[j] * w[j]) - x[j] * along;
}

}  // namespace

void CpuDevice::rms_norm_forward(int64_t rows, int64_t width, double epsilon, const Activation* x, const Weight* w,
                                 float* rstd, Activation* y) {
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) {
    rstd[i] = forward_row(width, static_cast<float>(epsilon), as_float(x) + i * width, as_float(w),
                          as_float(y) + i * width);
  }
}

void CpuDevice::rms_norm_backward(int64_t rows, int64_t width, const Activation* x, const Weight* w, const float* rstd,
                                  const Activation* dy, Activation* dx) {
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) {
    backward_row(width, rstd[i], as_float(x) + i * width, as_float(w), as_float(dy) + i * width,
                 as_float(dx) + i * width);
  }
}

}  // namespace tunesmith
