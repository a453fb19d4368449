/**
 * adamw: torch.optim.AdamW over one flat buffer: p -= lr·wd·p; m, v moments of the clipped gradient;
 *        p -= lr/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + ε); the gradient is cleared.
 * Clipping as torch.nn.utils.clip_grad_norm_: times min(1, clip / (norm + 1e-6)).
 * float32, coefficients computed in double. 32 bytes an element (p, m, v, g: read and written). Limits: none.
 */
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "cpu/device.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

struct Coefficients {
  float clip, decay, beta1, keep1, beta2, keep2, step_size, root_correction, epsilon;  // keep: 1 - beta, in double first
};

TUNESMITH_ROW_KERNEL void update(int64_t count, Coefficients c, float* p, float* g, float* m, float* v) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * c.clip;
    m[i] = c.beta1 * m[i] + c.keep1 * gradient;
    v[i] = c.beta2 * v[i] + c.keep2 * gradient * gradient;
    p[i] = p[i] * c.decay - c.step_size * m[i] / (std::sqrt(v[i]) / c.root_correction + c.epsilon);
    g[i] = 0;
  }
}

}  // namespace

void CpuDevice::adamw(const AdamW& op) {
  Coefficients c;
  c.clip = op.clip_norm > 0 ? static_cast<float>(std::min(1.0, op.clip_norm / (*op.norm + 1e-6))) : 1.0f;
  c.decay = static_cast<float>(1.0 - op.learning_rate * op.weight_decay);
  c.beta1 = static_cast<float>(op.beta1);
  c.keep1 = static_cast<float>(1.0 - op.beta1);
  c.beta2 = static_cast<float>(op.beta2);
  c.keep2 = static_cast<float>(1.0 - op.beta2);
  c.step_size = static_cast<float>(op.learning_rate / (1.0 - std::pow(op.beta1, static_cast<double>(op.step))));
  c.root_correction = static_cast<float>(std::sqrt(1.0 - std::pow(op.beta2, static_cast<double>(op.step))));
  c.epsilon = static_cast<float>(op.epsilon);
  constexpr int64_t kBlock = 16384;
  const int64_t blocks = (op.count + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads_for(op.count)) schedule(static)
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t first = b * kBlock;
    update(std::min(kBlock, op.count - first), c, op.parameters + first, op.gradient + first, op.m + first,
           op.v + first);
  }
}

}  // namespace tunesmith
