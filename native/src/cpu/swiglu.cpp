/**
 * swiglu_forward:  y = silu(gate)·up.                    gate_up [rows, 2·width] = [gate | up], y [rows, width]
 * swiglu_backward: gate_up becomes [dgate | dup] for the given dy [rows, width], and dy becomes y.
 * float32. Bytes a row element of y: forward 12, backward 24. Limits: none beyond 64-bit sizes.
 */
#include <omp.h>

#include "cpu/device.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

TUNESMITH_ROW_KERNEL void forward_row(int64_t width, const float* gate, const float* up, float* y) {
#pragma omp simd
  for (int64_t j = 0; j < width; ++j) y[j] = gate[j] / (1.0f + exp_approximate(-gate[j])) * up[j];
}

TUNESMITH_ROW_KERNEL void backward_row(int64_t width, float* dy, float* gate, float* up) {
#pragma omp simd
  for (int64_t j = 0; j < width; ++j) {
    const float g = gate[j], u = up[j], d = dy[j];
    const float sigmoid = 1.0f / (1.0f + exp_approximate(-g));
    const float silu = g * sigmoid;
    gate[j] = d * u * (sigmoid + silu * (1.0f - sigmoid));
    up[j] = d * silu;
    dy[j] = silu * u;
  }
}

}  // namespace

void CpuDevice::swiglu_forward(int64_t rows, int64_t width, const Activation* gate_up, Activation* y) {
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) {
    const float* gate = as_float(gate_up) + i * 2 * width;
    forward_row(width, gate, gate + width, as_float(y) + i * width);
  }
}

void CpuDevice::swiglu_backward(int64_t rows, int64_t width, Activation* dy, Activation* gate_up) {
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) {
    float* gate = as_float(gate_up) + i * 2 * width;
    backward_row(width, as_float(dy) + i * width, gate, gate + width);
  }
}

}  // namespace tunesmith
