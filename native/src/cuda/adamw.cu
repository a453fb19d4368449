/**
 * adamw: torch.optim.AdamW over one flat buffer: p -= lr·wd·p; m, v moments of the clipped gradient;
 *        p -= lr/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + ε); the gradient is cleared.
 * Clipping as torch.nn.utils.clip_grad_norm_: times min(1, clip / (norm + 1e-6)), the norm read from device memory.
 * float32, coefficients computed in double, the CPU's formula term for term; a thread an element pack of each buffer.
 * 32 bytes an element (p, m, v, g: read and written): 361 MB for the 11.3 million of r=16 on Llama-3.2-1B, 120 µs at
 * 3.0 TB/s. Limits: none; buffers that are not 16-byte aligned go by the element.
 */
#include <algorithm>
#include <cmath>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

constexpr int kThreads = 256;

struct Coefficients {
  double clip_norm;
  float decay, beta1, keep1, beta2, keep2, step_size, root_correction, epsilon;  // keep: 1 - beta, in double first
};

struct Buffers {
  float *p, *g, *m, *v;
};

/** Of packs in registers; the gradient is cleared where it lies. */
template <int N>
__device__ void update(const Coefficients& c, float clip, Pack<float, N>& p, const Pack<float, N>& g, Pack<float, N>& m,
                       Pack<float, N>& v) {
#pragma unroll
  for (int k = 0; k < N; ++k) {
    const float gradient = g.value[k] * clip;
    m.value[k] = c.beta1 * m.value[k] + c.keep1 * gradient;
    v.value[k] = c.beta2 * v.value[k] + c.keep2 * gradient * gradient;
    p.value[k] = p.value[k] * c.decay - c.step_size * m.value[k] / (sqrtf(v.value[k]) / c.root_correction + c.epsilon);
  }
}

template <int N>
__device__ void store(const Buffers& to, int64_t at, const Pack<float, N>& p, const Pack<float, N>& m,
                      const Pack<float, N>& v) {
  store_global(to.p + at, p);
  store_global(to.g + at, Pack<float, N>{});
  store_global(to.m + at, m);
  store_global(to.v + at, v);
}

template <int N>
__global__ void __launch_bounds__(kThreads) adamw_kernel(int64_t count, Coefficients c, Buffers buffers,
                                                         const double* norm) {
  __shared__ float shared_clip;
  const int64_t pack = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, packs = count / N, at = pack * N;
  Pack<float, N> p, g, m, v;
  if (pack < packs) {  // on their way while one thread divides
    p = load_pack<float, N>(buffers.p + at);
    g = load_pack<float, N>(buffers.g + at);
    m = load_pack<float, N>(buffers.m + at);
    v = load_pack<float, N>(buffers.v + at);
  }
  if (threadIdx.x == 0) {
    const double ratio = c.clip_norm > 0 ? c.clip_norm / (*norm + 1e-6) : 1.0;
    shared_clip = ratio < 1.0 ? static_cast<float>(ratio) : 1.0f;
  }
  __syncthreads();
  const float clip = shared_clip;
  if (pack < packs) {
    update(c, clip, p, g, m, v);
    store(buffers, at, p, m, v);
  }
  const int64_t tail = packs * N + threadIdx.x;
  if (blockIdx.x == 0 && tail < count) {
    auto one_p = load_pack<float, 1>(buffers.p + tail), one_m = load_pack<float, 1>(buffers.m + tail),
         one_v = load_pack<float, 1>(buffers.v + tail);
    update(c, clip, one_p, load_pack<float, 1>(buffers.g + tail), one_m, one_v);
    store(buffers, tail, one_p, one_m, one_v);
  }
}

}  // namespace

void CudaDevice::adamw(const AdamW& op) {
  if (op.count == 0) return;
  Coefficients c;
  c.clip_norm = op.clip_norm;
  c.decay = static_cast<float>(1.0 - op.learning_rate * op.weight_decay);
  c.beta1 = static_cast<float>(op.beta1);
  c.keep1 = static_cast<float>(1.0 - op.beta1);
  c.beta2 = static_cast<float>(op.beta2);
  c.keep2 = static_cast<float>(1.0 - op.beta2);
  c.step_size = static_cast<float>(op.learning_rate / (1.0 - std::pow(op.beta1, static_cast<double>(op.step))));
  c.root_correction = static_cast<float>(std::sqrt(1.0 - std::pow(op.beta2, static_cast<double>(op.step))));
  c.epsilon = static_cast<float>(op.epsilon);
  const Buffers buffers{op.parameters, op.gradient, op.m, op.v};
  const bool whole = splits_into_packs<float>(0, op.parameters, op.gradient, op.m, op.v);
  for_pack_size<float>(whole, [&](auto size) {
    constexpr int N = decltype(size)::value;
    const int64_t blocks = std::max<int64_t>((op.count / N + kThreads - 1) / kThreads, 1);
    adamw_kernel<N><<<static_cast<unsigned>(blocks), kThreads, 0, stream()>>>(op.count, c, buffers, op.norm);
  });
  check_launch("updating the adapter");
}

}  // namespace tunesmith
