/**
 * cross_entropy: nll = logsumexp(logits) - logits[target] per row; with `backward`, logits become
 * scale·(softmax - onehot(target)), in place.              logits [rows, vocabulary], targets [rows], nll [rows]
 * A row is read once and written once: up to 8 blocks, a cluster, hold it in registers (8 packs of 16 bytes a thread) while
 * each warp hands its (maximum, sum of exponentials) to every block of the cluster. Clusters need compute capability 9.0;
 * before it one block has the row, holds the first 128 KB and reads the rest a second time, mostly from the L2 cache.
 * Logits come as float16 where activations are bfloat16, which the gradient becomes, in the same place.
 * float32 arithmetic, rounded once; sums join in one fixed order, the same in every thread.
 * 2 elements' bytes: 1.07 GB for a chunk of 512 MB, 360 µs at 3.0 TB/s; 2.8 ms for 16,384 rows of 128,256 bfloat16.
 * Limits: vocabulary below 2^31, 2^28 rows. A row may begin at any element: what lies before its first and behind its last
 * whole 16 bytes goes by the element. Logits below -1e30 count as -1e30 would.
 */
#include <cooperative_groups.h>

#include <algorithm>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

constexpr int kMaxThreads = 1024, kMaxWarps = kMaxThreads / 32;
constexpr int kMaxParts = 8;  // the largest cluster that every GPU with clusters has
constexpr int kHeld = 8;      // packs a thread
constexpr int kThreadsOfPart = 256;  // where several parts serve: 4 blocks, 128 KB in flight, a multiprocessor
constexpr float kLowest = -1e30f;  // finite even times log2(e), so that the exponential's argument is never inf - inf

constexpr float kLog2E = 1.44269504f;

/** What logits are held in, beside activations of type T, of whose size it is. */
template <class T>
using Logit = std::conditional_t<std::is_same_v<T, float>, float, __half>;

template <class T>
__device__ float exponential(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return expf(x);
  } else {
    return fast_exp2(x * kLog2E);
  }
}

/** e^(x - y), of one y for many x: for bfloat16 an instruction less than exponential(x - y), and off by up to 1e-7·|y|. */
template <class T>
__device__ float exp_of_difference(float x, float y) {
  if constexpr (std::is_same_v<T, float>) {
    return expf(x - y);
  } else {
    return fast_exp2(fmaf(x, kLog2E, -y * kLog2E));
  }
}

/** Of some logits: the largest, and the sum of e^(logit - largest). */
struct Partial {
  float maximum = kLowest, sum = 0;
};

/** Not contracted to a fused multiply-add, which would make join(a, b) differ from join(b, a). */
template <class T>
__device__ Partial join(const Partial& a, const Partial& b) {
  const float maximum = fmaxf(a.maximum, b.maximum);
  return {maximum, __fadd_rn(__fmul_rn(a.sum, exponential<T>(a.maximum - maximum)),
                             __fmul_rn(b.sum, exponential<T>(b.maximum - maximum)))};
}

template <class T>
__device__ Partial join_warp(Partial partial) {
  for (int distance = 16; distance > 0; distance /= 2) {
    Partial other;
    other.maximum = __shfl_xor_sync(0xffffffffu, partial.maximum, distance);
    other.sum = __shfl_xor_sync(0xffffffffu, partial.sum, distance);
    partial = join<T>(partial, other);
  }
  return partial;
}

template <class T>
__device__ float maximum_of(const Pack<Logit<T>>& pack, float maximum) {
#pragma unroll
  for (int k = 0; k < Pack<T>::kCount; ++k) maximum = fmaxf(maximum, to_float(pack.value[k]));
  return maximum;
}

template <class T>
__device__ float sum_of_exponentials(const Pack<Logit<T>>& pack, float maximum) {
  float sum = 0;
#pragma unroll
  for (int k = 0; k < Pack<T>::kCount; ++k) sum += exp_of_difference<T>(to_float(pack.value[k]), maximum);
  return sum;
}

/** Whose softmax: the row's. `target` counts from the pack's first element and may lie outside it. */
template <class T>
__device__ Pack<T> gradient_of(const Pack<Logit<T>>& pack, float maximum, float factor, float scale, int target) {
  float gradient[Pack<T>::kCount];
#pragma unroll
  for (int k = 0; k < Pack<T>::kCount; ++k) {
    gradient[k] = exp_of_difference<T>(to_float(pack.value[k]), maximum) * factor;
  }
  if (target >= 0 && target < Pack<T>::kCount) {
#pragma unroll
    for (int k = 0; k < Pack<T>::kCount; ++k) gradient[k] -= k == target ? scale : 0.0f;
  }
  return round_pack<T>(gradient);
}

/** Row blockIdx.x / parts, of which this block has the part blockIdx.x % parts; the parts of a row are one cluster. */
template <class T>
__global__ void __launch_bounds__(kMaxThreads) cross_entropy_kernel(CrossEntropy op, T* logits, int parts) {
  constexpr int N = Pack<T>::kCount;
  __shared__ Partial partials[kMaxParts * kMaxWarps];
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.relaxed.aligned;");  // waited for where the other blocks must have started
#endif
  const int part = static_cast<int>(blockIdx.x) % parts;
  const int64_t row = static_cast<int64_t>(blockIdx.x) / parts;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int vocabulary = static_cast<int>(op.vocabulary), target = op.targets[row];
  T* x = logits + row * op.vocabulary;

  // [head | packs | tail]; this part has packs [first_pack, first_pack + count).
  const int misplaced = static_cast<int>(reinterpret_cast<uintptr_t>(x) % sizeof(Pack<T>) / sizeof(T));
  const int head = min(vocabulary, (N - misplaced) % N), packs = (vocabulary - head) / N;
  const int share = (packs + parts - 1) / parts, first_pack = part * share, count = min(share, packs - first_pack);
  const auto* logit = reinterpret_cast<const Logit<T>*>(x);
  T* body = x + head + static_cast<int64_t>(first_pack) * N;
  const int body_target = target - head - first_pack * N;

  // Read: the head and tail, fewer than 2·N elements, by a thread each of the first part.
  Word<T> held[kHeld];
#pragma unroll
  for (int u = 0; u < kHeld; ++u) {
    if (thread + u * threads < count) held[u] = load_word(body + static_cast<int64_t>(thread + u * threads) * N);
  }
  const bool has_edge = part == 0 && thread < vocabulary - packs * N;
  const int edge = thread < head ? thread : thread + packs * N;
  const float edge_logit = has_edge ? to_float(logit[edge]) : kLowest;
  const float target_logit = part == 0 && thread == 0 ? to_float(logit[target]) : 0.0f;  // before it is overwritten

  Partial partial;
  partial.maximum = fmaxf(partial.maximum, edge_logit);
#pragma unroll
  for (int u = 0; u < kHeld; ++u) {
    if (thread + u * threads < count) partial.maximum = maximum_of<T>(unpack<Logit<T>>(held[u]), partial.maximum);
  }
  if (has_edge) partial.sum = exp_of_difference<T>(edge_logit, partial.maximum);
#pragma unroll
  for (int u = 0; u < kHeld; ++u) {
    keep_packed(held[u]);
    if (thread + u * threads < count) partial.sum += sum_of_exponentials<T>(unpack<Logit<T>>(held[u]), partial.maximum);
  }
  for (int i = thread + kHeld * threads; i < count; i += threads) {
    const auto pack = unpack<Logit<T>>(load_word(body + static_cast<int64_t>(i) * N));
    Partial more;
    more.maximum = maximum_of<T>(pack, kLowest);
    more.sum = sum_of_exponentials<T>(pack, more.maximum);
    partial = join<T>(partial, more);
  }

  // Every warp's partial reaches every block, so that one barrier is enough and no block reads from another's memory.
  partial = join_warp<T>(partial);
  const int lane = thread % 32, warps = threads / 32, slot = part * warps + thread / 32;
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
  if (lane < parts) *cooperative_groups::this_cluster().map_shared_rank(partials + slot, lane) = partial;
  __syncwarp();
  cooperative_groups::this_cluster().sync();
#else
  if (lane == 0) partials[slot] = partial;
  __syncthreads();
#endif
  partial = {};
#pragma unroll 1
  for (int i = lane; i < parts * warps; i += 32) partial = join<T>(partial, partials[i]);
  partial = join_warp<T>(partial);

  if (part == 0 && thread == 0) op.nll[row] = logf(partial.sum) - (target_logit - partial.maximum);
  if (!op.backward) return;
  const float factor = op.scale / partial.sum;
#pragma unroll
  for (int u = 0; u < kHeld; ++u) {
    const int i = thread + u * threads;
    keep_packed(held[u]);
    if (i < count) {
      store_global(body + static_cast<int64_t>(i) * N,
                 gradient_of<T>(unpack<Logit<T>>(held[u]), partial.maximum, factor, op.scale, body_target - i * N));
    }
  }
  for (int i = thread + kHeld * threads; i < count; i += threads) {
    T* at = body + static_cast<int64_t>(i) * N;
    store_global(at, gradient_of<T>(unpack<Logit<T>>(load_word(at)), partial.maximum, factor, op.scale, body_target - i * N));
  }
  if (has_edge) {
    const float softmax = exp_of_difference<T>(edge_logit, partial.maximum) * factor;
    x[edge] = from_float<T>(softmax - (edge == target ? op.scale : 0.0f));
  }
}

template <class T>
void launch(const CudaTarget& target, const CrossEntropy& op, T* logits) {
  // Code compiled for an older generation, which the driver may have translated for this one, has no cluster's barriers.
  cudaFuncAttributes compiled;
  check_cuda(cudaFuncGetAttributes(&compiled, cross_entropy_kernel<T>), "looking a kernel up");
  const bool clusters = target.capability >= 90 && compiled.ptxVersion >= 90;
  const int64_t packs = op.vocabulary / Pack<T>::kCount + 1;
  int parts = 1;
  while (clusters && parts < kMaxParts && packs > parts * kHeld * kThreadsOfPart) parts *= 2;
  const int64_t warps_of_part = (packs + int64_t{parts} * kHeld * 32 - 1) / (int64_t{parts} * kHeld * 32);

  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim.x = static_cast<unsigned>(parts);
  cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(op.rows) * static_cast<unsigned>(parts));
  config.blockDim = dim3(static_cast<unsigned>(std::min<int64_t>(warps_of_part, kMaxWarps)) * 32);
  config.stream = target.stream;
  config.attrs = &cluster;
  config.numAttrs = clusters ? 1 : 0;
  check_cuda(cudaLaunchKernelEx(&config, cross_entropy_kernel<T>, op, logits, parts), "computing the loss");
}

}  // namespace

void CudaDevice::cross_entropy(const CrossEntropy& op) {
  if (op.rows == 0) return;
  for_element([&]<class T>(T*) { launch(target_, op, as<T>(op.logits)); });
  check_launch("computing the loss");
}

}  // namespace tunesmith
