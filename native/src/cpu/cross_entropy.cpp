/**
 * cross_entropy: nll = logsumexp(logits) - logits[target] per row; with `backward`, logits become
 * scale·(softmax - onehot(target)).                        logits [rows, vocabulary], targets [rows], nll [rows]
 * float32; exponentials are summed in float32 over runs of 1,024, the runs in double. Two passes forward and a third
 * backward, a row (≤ 0.5 MB) stays in the cache between them: 8 bytes an element from memory.
 * add_sum: *total += sum of values, in double, in order: one thread, so the same for any number of threads.
 * Limits: rows × vocabulary may exceed 2^31.
 */
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "cpu/device.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

constexpr int64_t kRun = 1024;

TUNESMITH_ROW_KERNEL float row_maximum(int64_t count, const float* x) {
  float maximum = x[0];
#pragma omp simd reduction(max : maximum)
  for (int64_t j = 0; j < count; ++j) maximum = x[j] > maximum ? x[j] : maximum;
  return maximum;
}

TUNESMITH_ROW_KERNEL float sum_of_exponentials(int64_t count, const float* x, float maximum) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) {
    // exp_approximate stops at e^-87.3 ≈ 1e-38: no weight beside the maximum's 1.
    sum += exp_approximate(x[j] - maximum);
  }
  return sum;
}

TUNESMITH_ROW_KERNEL void softmax_gradient(int64_t count, float logsumexp, float scale, float* x) {
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) x[j] = scale * exp_approximate(x[j] - logsumexp);
}

}  // namespace

void CpuDevice::cross_entropy(const CrossEntropy& op) {
#pragma omp parallel for num_threads(threads_for(op.rows * op.vocabulary)) schedule(static)
  for (int64_t i = 0; i < op.rows; ++i) {
    float* row = as_float(op.logits) + i * op.vocabulary;
    const float maximum = row_maximum(op.vocabulary, row);
    double sum = 0;
    for (int64_t j = 0; j < op.vocabulary; j += kRun) {
      sum += sum_of_exponentials(std::min(kRun, op.vocabulary - j), row + j, maximum);
    }
    const double logsumexp = static_cast<double>(maximum) + std::log(sum);
    const int32_t target = op.targets[i];
    op.nll[i] = static_cast<float>(logsumexp - static_cast<double>(row[target]));  // before the row is overwritten
    if (!op.backward) continue;
    softmax_gradient(op.vocabulary, static_cast<float>(logsumexp), op.scale, row);
    row[target] -= op.scale;
  }
}

void CpuDevice::add_sum(int64_t count, const float* values, double* total) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]);
  *total += sum;
}

}  // namespace tunesmith
