/**
 * embedding: y[i] = table[ids[i]].                  ids int32 [rows], table [vocabulary, width], y [rows, width]
 * gather_rows: y[i] = x[index[i]].  scatter_rows: y[index[i]] = x[i].
 * float32; moves 8 bytes an element (read, write). Limits: indices are in range and, for scatter, differ (unchecked:
 * the caller has validated the batch).
 */
#include <omp.h>

#include <cstring>

#include "cpu/device.h"

namespace tunesmith {

void CpuDevice::embedding(int64_t rows, int64_t width, const int32_t* ids, const Weight* table, Activation* y) {
  const float* from = as_float(table);
  float* to = as_float(y);
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) std::memcpy(to + i * width, from + static_cast<int64_t>(ids[i]) * width, bytes);
}

void CpuDevice::gather_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) {
  const float* from = as_float(x);
  float* to = as_float(y);
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) std::memcpy(to + i * width, from + static_cast<int64_t>(index[i]) * width, bytes);
}

void CpuDevice::scatter_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) {
  const float* from = as_float(x);
  float* to = as_float(y);
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
#pragma omp parallel for num_threads(threads_for(rows * width)) schedule(static)
  for (int64_t i = 0; i < rows; ++i) std::memcpy(to + static_cast<int64_t>(index[i]) * width, from + i * width, bytes);
}

}  // namespace tunesmith
