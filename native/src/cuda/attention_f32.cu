/**
 * attention, plain: every product in float32, any head_dim up to 256. What float32 activations are computed with, where
 * results are held to the CPU's tolerances; and bf16 ones of head sizes that the tensor cores' kernels do not take.
 *
 * A block of 8 warps owns 8·R rows of one head, R a warp; the other rows pass through shared memory 32 at a time, one a
 * lane. Scores: a lane's dot products of its row with the warp's R; sums over rows: a lane has the columns lane, lane + 32,
 * …, and the probabilities come by shuffle. R is 4, and 2 for head_dim above 128, whose rows would not fit into
 * shared memory.
 *   forward:   online softmax over the keys
 *   backward:  one kernel for dQ, which also leaves (lse, delta) of every row for the other, one for dK and dV, which loops
 *              over the queries of all heads of the group; each gradient has one writer, sums have a fixed order
 * FLOPs: 4·head_dim per query head and (query, key) pair forward, 14·head_dim backward; the floor is float32 multiply-adds,
 * of which shared memory's bandwidth leaves at most half.
 * Limits: head_dim up to 256, tokens and (tiles × heads) below 2^31. Shared memory: up to 97 KiB.
 */
#include <cmath>
#include <string>

#include "cuda/attention.h"
#include "cuda/check.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

constexpr int kWarps = 8, kThreads = 32 * kWarps, kOthers = 32;

/** Columns in shared memory: whole float4s. */
__host__ __device__ inline int padded(int head_dim) { return (head_dim + 3) / 4 * 4; }
/** Of a row that belongs to a lane: neighbours' float4s then lie in different banks. */
__host__ __device__ inline int other_stride(int head_dim) { return padded(head_dim) + 4; }

template <class T>
struct Forward {
  const AttentionTile* tiles;
  const T* qkv;
  T* out;
  float* lse;
  int64_t first_row;
  int query_heads, kv_heads, head_dim;
  float scale;
};

template <class T>
struct Backward {
  const AttentionTile* tiles;
  int tile_count;
  const T *qkv, *out, *dout;
  const float* lse;
  T* dqkv;
  float2* row_terms;  // [query_heads, rows]: lse, delta
  int64_t rows;
  int query_heads, kv_heads, head_dim;
  float scale;
};

/** The block's threads copy `count` rows of a head, widened; the rows from `there` on, and the columns behind head_dim, are
    zeros. */
template <class T>
__device__ void load_rows(float* to, int stride, int count, const T* from, int64_t width, int there, int head_dim) {
  const int columns = padded(head_dim);
  for (int i = threadIdx.x; i < count * columns; i += kThreads) {
    const int row = i / columns, column = i % columns;
    to[row * stride + column] = row < there && column < head_dim ? to_float(from[row * width + column]) : 0.0f;
  }
}

/** dots[r] = own row r · the lane's row. */
template <int R>
__device__ void dot_rows(float (&dots)[R], const float* own, int own_stride, const float* other, int columns) {
#pragma unroll
  for (int r = 0; r < R; ++r) dots[r] = 0;
  for (int c = 0; c < columns; c += 4) {
    const float4 y = *reinterpret_cast<const float4*>(other + c);
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float4 x = *reinterpret_cast<const float4*>(own + r * own_stride + c);
      dots[r] = fmaf(x.x, y.x, fmaf(x.y, y.y, fmaf(x.z, y.z, fmaf(x.w, y.w, dots[r]))));
    }
  }
}

/** sums[r][i] += Σ over the 32 other rows of their lane's weight[r] · the row's column lane + 32·i. */
template <int R, int kColumns>
__device__ void add_rows(float (&sums)[R][kColumns], const float (&weight)[R], const float* others, int stride,
                         int head_dim) {
  const int lane = threadIdx.x % 32;
  for (int k = 0; k < kOthers; ++k) {
    float x[kColumns];
#pragma unroll
    for (int i = 0; i < kColumns; ++i) x[i] = lane + 32 * i < head_dim ? others[k * stride + lane + 32 * i] : 0.0f;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float w = __shfl_sync(0xffffffffu, weight[r], k);
#pragma unroll
      for (int i = 0; i < kColumns; ++i) sums[r][i] = fmaf(w, x[i], sums[r][i]);
    }
  }
}

template <int R, int kColumns, class T>
__device__ void store_rows(const float (&sums)[R][kColumns], const float (&factor)[R], T* to, int64_t width, int there,
                           int head_dim) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int i = 0; i < kColumns; ++i) {
      if (r < there && lane + 32 * i < head_dim) to[r * width + lane + 32 * i] = from_float<T>(sums[r][i] * factor[r]);
    }
  }
}

template <int R, int kColumns, class T>
__global__ void __launch_bounds__(kThreads) forward(const Forward<T> a) {
  extern __shared__ __align__(16) float shared_rows[];
  const AttentionTile tile = a.tiles[blockIdx.x / a.query_heads];
  if (tile.begin == tile.end) return;
  const int head = blockIdx.x % a.query_heads, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * R;
  const int columns = padded(a.head_dim), stride = other_stride(a.head_dim);
  const int64_t width = static_cast<int64_t>(a.query_heads + 2 * a.kv_heads) * a.head_dim;
  const int queries = min(kWarps * R, tile.end - tile.first), first = tile.first - tile.begin, keys = first + queries;
  const T* const document = a.qkv + tile.begin * width;
  const T* const k = document + (a.query_heads + head / (a.query_heads / a.kv_heads)) * a.head_dim;
  const T* const v = k + a.kv_heads * a.head_dim;
  float* const own = shared_rows;
  float* const others = own + kWarps * R * columns;
  load_rows(own, columns, kWarps * R, document + first * width + head * a.head_dim, width, queries, a.head_dim);

  float out[R][kColumns] = {}, largest[R], sum[R], p[R];
#pragma unroll
  for (int r = 0; r < R; ++r) largest[r] = -INFINITY, sum[r] = 0;
  for (int key = 0; key < keys; key += kOthers) {
    __syncthreads();
    load_rows(others, stride, kOthers, k + key * width, width, keys - key, a.head_dim);
    __syncthreads();
    dot_rows(p, own + warp_row * columns, columns, others + lane * stride, columns);
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float score = key + lane <= first + warp_row + r ? p[r] * a.scale : -INFINITY;
      const float next = fmaxf(largest[r], warp_max(score));  // finite: every query sees the document's first key
      const float rescale = expf(largest[r] - next);
      p[r] = expf(score - next);
      sum[r] = sum[r] * rescale + warp_sum(p[r]);
      largest[r] = next;
#pragma unroll
      for (int i = 0; i < kColumns; ++i) out[r][i] *= rescale;
    }
    __syncthreads();
    load_rows(others, stride, kOthers, v + key * width, width, keys - key, a.head_dim);
    __syncthreads();
    add_rows(out, p, others, stride, a.head_dim);
  }

  const int64_t row = tile.first + warp_row - a.first_row;
  const int there = queries - warp_row;
#pragma unroll
  for (int r = 0; r < R; ++r) {
    if (lane == 0 && r < there) a.lse[(row + r) * a.query_heads + head] = largest[r] + logf(sum[r]);
    sum[r] = 1.0f / sum[r];
  }
  const int64_t out_width = static_cast<int64_t>(a.query_heads) * a.head_dim;
  store_rows(out, sum, a.out + row * out_width + head * a.head_dim, out_width, there, a.head_dim);
}

template <int R, int kColumns, class T>
__global__ void __launch_bounds__(kThreads, 1) query_gradient(const Backward<T> a) {
  extern __shared__ __align__(16) float shared_rows[];
  const AttentionTile tile = a.tiles[blockIdx.x / a.query_heads];
  if (tile.begin == tile.end) return;
  const int head = blockIdx.x % a.query_heads, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * R;
  const int columns = padded(a.head_dim), stride = other_stride(a.head_dim);
  const int64_t width = static_cast<int64_t>(a.query_heads + 2 * a.kv_heads) * a.head_dim;
  const int64_t out_width = static_cast<int64_t>(a.query_heads) * a.head_dim;
  const int queries = min(kWarps * R, tile.end - tile.first), first = tile.first - tile.begin, keys = first + queries;
  const T* const k = a.qkv + tile.begin * width + (a.query_heads + head / (a.query_heads / a.kv_heads)) * a.head_dim;
  const T* const v = k + a.kv_heads * a.head_dim;
  float* const own_q = shared_rows;
  float* const own_dout = own_q + kWarps * R * columns;
  float* const other_k = own_dout + kWarps * R * columns;
  float* const other_v = other_k + kOthers * stride;
  load_rows(own_q, columns, kWarps * R, a.qkv + tile.first * width + head * a.head_dim, width, queries, a.head_dim);
  load_rows(own_dout, columns, kWarps * R, a.dout + tile.first * out_width + head * a.head_dim, out_width, queries,
            a.head_dim);
  __syncthreads();

  const int there = queries - warp_row;
  float lse[R], delta[R], dq[R][kColumns] = {}, p[R], dp[R];
#pragma unroll
  for (int r = 0; r < R; ++r) {
    lse[r] = delta[r] = 0;
    if (r < there) {
      const int64_t row = tile.first + warp_row + r;
      for (int c = lane; c < a.head_dim; c += 32) {
        const float out = to_float(a.out[row * out_width + head * a.head_dim + c]);
        delta[r] = fmaf(out, own_dout[(warp_row + r) * columns + c], delta[r]);
      }
      delta[r] = warp_sum(delta[r]);
      lse[r] = a.lse[row * a.query_heads + head];
      if (lane == 0) a.row_terms[head * a.rows + row] = make_float2(lse[r], delta[r]);
    }
  }
  for (int key = 0; key < keys; key += kOthers) {
    __syncthreads();
    load_rows(other_k, stride, kOthers, k + key * width, width, keys - key, a.head_dim);
    load_rows(other_v, stride, kOthers, v + key * width, width, keys - key, a.head_dim);
    __syncthreads();
    dot_rows(p, own_q + warp_row * columns, columns, other_k + lane * stride, columns);
    dot_rows(dp, own_dout + warp_row * columns, columns, other_v + lane * stride, columns);
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const bool seen = key + lane <= first + warp_row + r;
      dp[r] = seen ? expf(p[r] * a.scale - lse[r]) * (dp[r] - delta[r]) : 0.0f;
    }
    add_rows(dq, dp, other_k, stride, a.head_dim);
  }
#pragma unroll
  for (int r = 0; r < R; ++r) p[r] = a.scale;
  store_rows(dq, p, a.dqkv + (tile.first + warp_row) * width + head * a.head_dim, width, there, a.head_dim);
}

template <int R, int kColumns, class T>
__global__ void __launch_bounds__(kThreads, 1) key_gradients(const Backward<T> a) {
  extern __shared__ __align__(16) float shared_rows[];
  // The list's last tiles of a document are its first ones, whose keys the most queries see.
  const AttentionTile tile = a.tiles[a.tile_count - 1 - static_cast<int>(blockIdx.x / a.kv_heads)];
  if (tile.begin == tile.end) return;
  const int kv_head = blockIdx.x % a.kv_heads, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * R;
  const int columns = padded(a.head_dim), stride = other_stride(a.head_dim), group = a.query_heads / a.kv_heads;
  const int64_t width = static_cast<int64_t>(a.query_heads + 2 * a.kv_heads) * a.head_dim;
  const int64_t out_width = static_cast<int64_t>(a.query_heads) * a.head_dim;
  // Positions from here on count from the tile's first row: no earlier query sees its keys.
  const int queries = tile.end - tile.first, keys = min(kWarps * R, queries);
  float* const own_k = shared_rows;
  float* const own_v = own_k + kWarps * R * columns;
  float* const other_q = own_v + kWarps * R * columns;
  float* const other_dout = other_q + kOthers * stride;
  const T* const k = a.qkv + tile.first * width + (a.query_heads + kv_head) * a.head_dim;
  load_rows(own_k, columns, kWarps * R, k, width, keys, a.head_dim);
  load_rows(own_v, columns, kWarps * R, k + a.kv_heads * a.head_dim, width, keys, a.head_dim);

  float dk[R][kColumns] = {}, dv[R][kColumns] = {}, p[R], dp[R];
  for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    for (int query = 0; query < queries; query += kOthers) {
      const int64_t row = tile.first + query;
      __syncthreads();
      load_rows(other_q, stride, kOthers, a.qkv + row * width + head * a.head_dim, width, queries - query, a.head_dim);
      load_rows(other_dout, stride, kOthers, a.dout + row * out_width + head * a.head_dim, out_width, queries - query,
                a.head_dim);
      __syncthreads();
      const bool exists = query + lane < queries;
      const float2 terms = exists ? a.row_terms[head * a.rows + row + lane] : make_float2(0, 0);
      dot_rows(p, own_k + warp_row * columns, columns, other_q + lane * stride, columns);
      dot_rows(dp, own_v + warp_row * columns, columns, other_dout + lane * stride, columns);
#pragma unroll
      for (int r = 0; r < R; ++r) {
        const bool seen = exists && query + lane >= warp_row + r;
        p[r] = seen ? expf(p[r] * a.scale - terms.x) : 0.0f;
        dp[r] = p[r] * (dp[r] - terms.y);
      }
      add_rows(dv, p, other_dout, stride, a.head_dim);
      add_rows(dk, dp, other_q, stride, a.head_dim);
    }
  }
  T* const to = a.dqkv + (tile.first + warp_row) * width + (a.query_heads + kv_head) * a.head_dim;
#pragma unroll
  for (int r = 0; r < R; ++r) p[r] = a.scale, dp[r] = 1;
  store_rows(dk, p, to, width, keys - warp_row, a.head_dim);
  store_rows(dv, dp, to + a.kv_heads * a.head_dim, width, keys - warp_row, a.head_dim);
}

template <class Kernel>
void allow_shared_memory(Kernel* kernel, int bytes) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "preparing attention");
}

template <int R, int kColumns, class T>
void launch_forward(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  const AttentionShape& s = op.shape;
  const int64_t limit = attention_tile_limit(op.rows - op.first_row, op.documents, kWarps * R);
  AttentionTile* const tiles = static_cast<AttentionTile*>(scratch);
  list_attention_tiles(target, op.documents, op.starts, op.first_row, kWarps * R, limit, tiles);
  Forward<T> a;
  a.tiles = tiles, a.qkv = as<T>(op.qkv), a.out = as<T>(op.out), a.lse = op.lse, a.first_row = op.first_row;
  a.query_heads = static_cast<int>(s.query_heads), a.kv_heads = static_cast<int>(s.kv_heads);
  a.head_dim = static_cast<int>(s.head_dim), a.scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
  const int bytes = (kWarps * R * padded(a.head_dim) + kOthers * other_stride(a.head_dim)) * static_cast<int>(sizeof(float));
  const auto kernel = forward<R, kColumns, T>;
  allow_shared_memory(kernel, bytes);
  kernel<<<static_cast<unsigned>(limit * s.query_heads), kThreads, bytes, target.stream>>>(a);
  check_launch("computing attention");
}

template <int R, int kColumns, class T>
void launch_backward(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  const AttentionShape& s = op.shape;
  const int64_t limit = attention_tile_limit(op.rows, op.documents, kWarps * R);
  AttentionTile* const tiles = static_cast<AttentionTile*>(scratch);
  list_attention_tiles(target, op.documents, op.starts, 0, kWarps * R, limit, tiles);
  Backward<T> a;
  a.tiles = tiles, a.tile_count = static_cast<int>(limit);
  a.qkv = as<T>(op.qkv), a.out = as<T>(op.out), a.dout = as<T>(op.dout), a.dqkv = as<T>(op.dqkv);
  a.lse = op.lse, a.rows = op.rows;
  a.row_terms = attention_row_terms(scratch, limit);
  a.query_heads = static_cast<int>(s.query_heads), a.kv_heads = static_cast<int>(s.kv_heads);
  a.head_dim = static_cast<int>(s.head_dim), a.scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
  const int bytes =
      2 * (kWarps * R * padded(a.head_dim) + kOthers * other_stride(a.head_dim)) * static_cast<int>(sizeof(float));
  const auto for_queries = query_gradient<R, kColumns, T>;
  allow_shared_memory(for_queries, bytes);
  for_queries<<<static_cast<unsigned>(limit * s.query_heads), kThreads, bytes, target.stream>>>(a);
  check_launch("computing attention's gradient of the queries");
  const auto for_keys = key_gradients<R, kColumns, T>;
  allow_shared_memory(for_keys, bytes);
  for_keys<<<static_cast<unsigned>(limit * s.kv_heads), kThreads, bytes, target.stream>>>(a);
  check_launch("computing attention's gradients of the keys and values");
}

void refuse_head_dim(int64_t head_dim) {
  throw Error("model-unsupported", "The model's head_dim is " + std::to_string(head_dim) +
                                       "; the GPU computes attention up to 256. Train it on the CPU.");
}

template <class T>
void run_forward(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  if (op.shape.head_dim > 256) refuse_head_dim(op.shape.head_dim);
  if (op.shape.head_dim > 128) return launch_forward<2, 8, T>(target, op, scratch);
  if (op.shape.head_dim > 64) return launch_forward<4, 4, T>(target, op, scratch);
  launch_forward<4, 2, T>(target, op, scratch);
}

template <class T>
void run_backward(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  if (op.shape.head_dim > 256) refuse_head_dim(op.shape.head_dim);
  if (op.shape.head_dim > 128) return launch_backward<2, 8, T>(target, op, scratch);
  if (op.shape.head_dim > 64) return launch_backward<4, 4, T>(target, op, scratch);
  launch_backward<4, 2, T>(target, op, scratch);
}

}  // namespace

void attention_forward_f32(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  run_forward<float>(target, op, scratch);
}
void attention_backward_f32(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  run_backward<float>(target, op, scratch);
}
void attention_forward_plain(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  run_forward<__nv_bfloat16>(target, op, scratch);
}
void attention_backward_plain(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  run_backward<__nv_bfloat16>(target, op, scratch);
}

}  // namespace tunesmith
