/**
 * attention, backward, bf16 on mma.sync: two kernels, each the only writer of its outputs, so no atomics and no float32
 * gradients in memory. The price is that both recompute S and dP: 7 products instead of 5.
 *   P = exp2(S·scale·log2(e) − lse·log2(e)); dP = dout·Vᵀ; delta = rowsum(dout·out); dS = P·(dP − delta)
 *   query_gradient:  a block has some queries of one head and loops over its keys: dQ = scale·dS·K. It runs first and leaves
 *                    (lse·log2(e), delta) of its rows for
 *   key_gradients:   a block has some keys of one key/value head and loops over the queries of all heads of its group that
 *                    see them: dV = Pᵀ·dout, dK = scale·dSᵀ·Q. It takes the products transposed (K·Qᵀ, V·doutᵀ), whose
 *                    accumulators are then left operands as they are: neither P nor dS passes through memory.
 * A block's own rows stay in registers as left operands (their tiles in shared memory become the buffers of the other rows,
 * which cp.async fills one step ahead): 32 rows a warp for head_dim 64, 16 for 128, which is what 255 registers hold.
 * Tiles with the most work start first.
 *
 * FLOPs: 14·head_dim per query head and (query, key) pair: 480 G at 8 × 2,048 tokens, 32 heads of 64. Bytes: qkv twice, out,
 * dout twice, dqkv: 500 MB there, the rest from L2.
 * Limits: those of the forward. Shared memory: 37 KiB.
 */
#include <cmath>

#include "cuda/attention.h"
#include "cuda/attention_mma.cuh"
#include "cuda/check.h"
#include "cuda/element.cuh"

namespace tunesmith {

namespace {

using namespace attention_mma;

struct BackwardArguments {
  const AttentionTile* tiles;
  int tile_count;
  const bf16 *qkv, *out, *dout;
  const float* lse;
  bf16* dqkv;
  float2* row_terms;  // [query_heads, rows]: lse·log2(e), delta
  int64_t rows;
  int query_heads, kv_heads, head_dim, width;  // of a row of qkv
  float scale, scale_log2;
};

/** A warp's own rows are M tiles of 16; it takes the others kChunk at a time, from buffers of kOthers. */
template <int D>
constexpr int M = D == 64 ? 2 : 1;
template <int D>
constexpr int kOwn = kWarps * 16 * M<D>;
template <int D>
constexpr int kChunk = 32 / M<D>;
template <int D>
constexpr int kOthers = D == 64 ? 64 : 32;
template <int D>
constexpr int kStageBytes = 2 * kTileBytes<D, kOthers<D>>;
template <int D>
constexpr int kTilesBytes = 2 * kStageBytes<D>;
template <int D>
constexpr int kTermsBytes = 2 * kOthers<D> * static_cast<int>(sizeof(float2));
static_assert(kTilesBytes<64> == 2 * kTileBytes<64, kOwn<64>> && kTilesBytes<128> == 2 * kTileBytes<128, kOwn<128>>);

/** s = left·rightᵀ over D columns; `right`: the lane's address (lane_along) in kChunk rows. */
template <int D>
__device__ void multiply_along(float (&s)[M<D>][kChunk<D> / 8][4], const uint32_t (&left)[M<D>][D / 16][4], uint32_t right) {
#pragma unroll
  for (int d = 0; d < D / 16; ++d) {
#pragma unroll
    for (int n = 0; n < kChunk<D> / 16; ++n) {
      uint32_t b[4];
      load_matrices(b, right + at<D>(n * 16, d * 16));
#pragma unroll
      for (int m = 0; m < M<D>; ++m) {
        multiply_add(s[m][2 * n], left[m][d], b[0], b[1]);
        multiply_add(s[m][2 * n + 1], left[m][d], b[2], b[3]);
      }
    }
  }
}

/** sum += left·right over kChunk rows of `right`, the lane's address (lane_across). */
template <int D>
__device__ void multiply_across(float (&sum)[M<D>][D / 8][4], const uint32_t (&left)[M<D>][kChunk<D> / 16][4],
                                uint32_t right) {
#pragma unroll
  for (int j = 0; j < kChunk<D> / 16; ++j) {
#pragma unroll
    for (int n = 0; n < D / 16; ++n) {
      uint32_t b[4];
      load_matrices_transposed(b, right + at<D>(j * 16, n * 16));
#pragma unroll
      for (int m = 0; m < M<D>; ++m) {
        multiply_add(sum[m][2 * n], left[m][j], b[0], b[1]);
        multiply_add(sum[m][2 * n + 1], left[m][j], b[2], b[3]);
      }
    }
  }
}

/** delta and lse·log2(e) of the warp's queries, to shared memory and to memory. dout's tile is in shared memory. */
template <int D>
__device__ void find_row_terms(const BackwardArguments& a, const unsigned char* dout_tile, float2* row_terms, int64_t row,
                               int rows, int head) {
  constexpr int kUnits = D / 8, kRowsAtOnce = 32 / kUnits, kPasses = 16 * M<D> / kRowsAtOnce;
  const int lane = threadIdx.x % 32, unit = lane % kUnits, first = lane / kUnits;
  const bool columns = unit * 8 < a.head_dim;
  Pack<bf16> out[kPasses];
#pragma unroll
  for (int i = 0; i < kPasses; ++i) {
    const int r = i * kRowsAtOnce + first;
    if (columns && r < rows) {
      out[i] = load_pack(a.out + ((row + r) * a.query_heads + head) * a.head_dim + unit * 8);
    } else {
      out[i] = Pack<bf16>{};
    }
  }
#pragma unroll
  for (int i = 0; i < kPasses; ++i) {
    const int r = i * kRowsAtOnce + first;
    const Pack<bf16> dout = load_pack(reinterpret_cast<const bf16*>(dout_tile + at<D>(r, unit * 8)));
    float delta = 0;
#pragma unroll
    for (int e = 0; e < 8; ++e) delta += to_float(out[i].value[e]) * to_float(dout.value[e]);
#pragma unroll
    for (int distance = kUnits / 2; distance > 0; distance /= 2) delta += __shfl_xor_sync(0xffffffffu, delta, distance);
    if (unit == 0) {
      float2 terms = make_float2(0, delta);
      if (r < rows) {
        terms.x = a.lse[(row + r) * a.query_heads + head] * kLog2e;
        a.row_terms[head * a.rows + row + r] = terms;
      }
      row_terms[r] = terms;
    }
  }
  __syncwarp();
}

template <int D>
__global__ void __launch_bounds__(kThreads, 2) query_gradient(const BackwardArguments a) {
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ float2 shared_terms[kOwn<D>];
  const AttentionTile tile = a.tiles[blockIdx.x / a.query_heads];
  if (tile.begin == tile.end) return;
  const int head = blockIdx.x % a.query_heads, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16 * M<D>;
  // Positions from here on are the document's own.
  const int queries = min(kOwn<D>, tile.end - tile.first), first = tile.first - tile.begin, keys = first + queries;
  const uint32_t base = shared_address(shared);
  const uint32_t across = lane_across<D>(threadIdx.x % 32), along = lane_along<D>(threadIdx.x % 32);
  const int out_width = a.query_heads * a.head_dim;

  uint32_t q[M<D>][D / 16][4], dout[M<D>][D / 16][4];
  copy_rows<D, kOwn<D>>(base, a.qkv + static_cast<int64_t>(tile.first) * a.width + head * a.head_dim, a.width, queries,
                        a.head_dim);
  copy_rows<D, kOwn<D>>(base + kTileBytes<D, kOwn<D>>,
                        a.dout + static_cast<int64_t>(tile.first) * out_width + head * a.head_dim, out_width, queries,
                        a.head_dim);
  copies_wait();
  __syncthreads();
  find_row_terms<D>(a, shared + kTileBytes<D, kOwn<D>> + at<D>(warp_row, 0), shared_terms + warp_row, tile.first + warp_row,
                    queries - warp_row, head);
  load_left<D, M<D>>(q, base + at<D>(warp_row, 0) + across);
  load_left<D, M<D>>(dout, base + kTileBytes<D, kOwn<D>> + at<D>(warp_row, 0) + across);
  float2 terms[M<D>][2];
#pragma unroll
  for (int m = 0; m < M<D>; ++m) {
    terms[m][0] = shared_terms[warp_row + m * 16 + lane / 4];
    terms[m][1] = shared_terms[warp_row + m * 16 + 8 + lane / 4];
  }
  __syncthreads();  // the keys go where the queries were

  const bf16* const k = a.qkv + static_cast<int64_t>(tile.begin) * a.width +
                        (a.query_heads + head / (a.query_heads / a.kv_heads)) * a.head_dim;
  const auto load_keys = [&](int step) {
    const int key = step * kOthers<D>;
    const uint32_t to = base + (step % 2) * kStageBytes<D>;
    const bf16* const from = k + static_cast<int64_t>(key) * a.width;
    copy_rows<D, kOthers<D>>(to, from, a.width, keys - key, a.head_dim);
    copy_rows<D, kOthers<D>>(to + kTileBytes<D, kOthers<D>>, from + a.kv_heads * a.head_dim, a.width, keys - key,
                             a.head_dim);
  };
  const int warp_first = first + warp_row;
  // A warp without queries computes nothing.
  const int warp_keys = warp_row < queries ? min(keys, warp_first + 16 * M<D>) : 0;
  float dq[M<D>][D / 8][4] = {};
  load_keys(0);

  const int steps = (keys + kOthers<D> - 1) / kOthers<D>;
  for (int step = 0; step < steps; ++step) {
    copies_wait();
    __syncthreads();
    if (step + 1 < steps) load_keys(step + 1);
    const uint32_t stage = base + (step % 2) * kStageBytes<D>;
#pragma unroll 1
    for (int chunk = 0; chunk < kOthers<D>; chunk += kChunk<D>) {
      const int key = step * kOthers<D> + chunk;
      if (key >= warp_keys) break;
      float s[M<D>][kChunk<D> / 8][4] = {}, dp[M<D>][kChunk<D> / 8][4] = {};
      multiply_along<D>(s, q, stage + at<D>(chunk, 0) + along);
      multiply_along<D>(dp, dout, stage + kTileBytes<D, kOthers<D>> + at<D>(chunk, 0) + along);
      if (key + kChunk<D> - 1 > warp_first) {
        const int ahead = key + lane % 4 * 2 - (warp_first + lane / 4);  // of the lane's first key, of its first query
#pragma unroll
        for (int m = 0; m < M<D>; ++m) {
#pragma unroll
          for (int n = 0; n < kChunk<D> / 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
              if (ahead + n * 8 + e % 2 > m * 16 + e / 2 * 8) s[m][n][e] = __int_as_float(0xff800000);
            }
          }
        }
      }
      uint32_t ds[M<D>][kChunk<D> / 16][4];
#pragma unroll
      for (int m = 0; m < M<D>; ++m) {
#pragma unroll
        for (int n = 0; n < kChunk<D> / 8; ++n) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const float2 t = terms[m][half];
            const float p0 = exp2_fast(s[m][n][2 * half] * a.scale_log2 - t.x);
            const float p1 = exp2_fast(s[m][n][2 * half + 1] * a.scale_log2 - t.x);
            ds[m][n / 2][n % 2 * 2 + half] = pack(p0 * (dp[m][n][2 * half] - t.y), p1 * (dp[m][n][2 * half + 1] - t.y));
          }
        }
      }
      multiply_across<D>(dq, ds, stage + at<D>(chunk, 0) + across);
    }
  }
  __syncthreads();  // the stores are staged where the keys were

  float factor[M<D>][2];
#pragma unroll
  for (int m = 0; m < M<D>; ++m) factor[m][0] = factor[m][1] = a.scale;
  store_rows<D, M<D>>(dq, factor, shared + at<D>(warp_row, 0),
                      a.dqkv + static_cast<int64_t>(tile.first + warp_row) * a.width + head * a.head_dim, a.width,
                      queries - warp_row, a.head_dim);
}

template <int D>
__global__ void __launch_bounds__(kThreads, 2) key_gradients(const BackwardArguments a) {
  extern __shared__ __align__(16) unsigned char shared[];
  // The list's last tiles of a document are its first ones, whose keys the most queries see.
  const AttentionTile tile = a.tiles[a.tile_count - 1 - static_cast<int>(blockIdx.x / a.kv_heads)];
  if (tile.begin == tile.end) return;
  const int kv_head = blockIdx.x % a.kv_heads;
  // Positions from here on count from the tile's first row: no earlier query sees its keys.
  const int queries = tile.end - tile.first;
  const uint32_t base = shared_address(shared);
  const uint32_t across = lane_across<D>(threadIdx.x % 32), along = lane_along<D>(threadIdx.x % 32);

  uint32_t k[M<D>][D / 16][4], v[M<D>][D / 16][4];
  {
    const bf16* const from = a.qkv + static_cast<int64_t>(tile.first) * a.width + (a.query_heads + kv_head) * a.head_dim;
    copy_rows<D, kOwn<D>>(base, from, a.width, queries, a.head_dim);
    copy_rows<D, kOwn<D>>(base + kTileBytes<D, kOwn<D>>, from + a.kv_heads * a.head_dim, a.width, queries, a.head_dim);
    copies_wait();
    __syncthreads();
    const uint32_t warp_keys = base + at<D>(threadIdx.x / 32 * 16 * M<D>, 0) + across;
    load_left<D, M<D>>(k, warp_keys);
    load_left<D, M<D>>(v, warp_keys + kTileBytes<D, kOwn<D>>);
    __syncthreads();  // the queries go where the keys were
  }
  const auto load_queries = [&](int head, int query, int stage) {
    const uint32_t to = base + stage * kStageBytes<D>;
    const int64_t row = tile.first + query;
    const int out_width = a.query_heads * a.head_dim;
    copy_rows<D, kOthers<D>>(to, a.qkv + row * a.width + head * a.head_dim, a.width, queries - query, a.head_dim);
    copy_rows<D, kOthers<D>>(to + kTileBytes<D, kOthers<D>>, a.dout + row * out_width + head * a.head_dim, out_width,
                             queries - query, a.head_dim);
    const int i = thread_now();
    if (i < kOthers<D>) {
      copy_async_8(base + kTilesBytes<D> + (stage * kOthers<D> + i) * static_cast<int>(sizeof(float2)),
                   a.row_terms + head * a.rows + row + i, query + i < queries);
    }
  };

  float dk[M<D>][D / 8][4] = {}, dv[M<D>][D / 8][4] = {};
  int left = a.query_heads / a.kv_heads * ((queries + kOthers<D> - 1) / kOthers<D>);  // steps
  int head = kv_head * (a.query_heads / a.kv_heads), query = 0, stage = 0;
  load_queries(head, query, stage);
  while (left > 0) {
    copies_wait();
    __syncthreads();
    const int here = query;
    query += kOthers<D>;
    if (query >= queries) query = 0, ++head;
    if (--left > 0) load_queries(head, query, stage ^ 1);

    const int warp_first = thread_now() / 32 * 16 * M<D>;
    const uint32_t stage_queries = base + stage * kStageBytes<D>;
#pragma unroll 1
    for (int chunk = 0; chunk < kOthers<D>; chunk += kChunk<D>) {
      const int first = here + chunk;
      if (first + kChunk<D> - 1 < warp_first) continue;  // before the warp's keys, as all are for a warp without any
      if (first >= queries) break;
      float s[M<D>][kChunk<D> / 8][4] = {}, dp[M<D>][kChunk<D> / 8][4] = {};
      multiply_along<D>(s, k, stage_queries + at<D>(chunk, 0) + along);
      multiply_along<D>(dp, v, stage_queries + kTileBytes<D, kOthers<D>> + at<D>(chunk, 0) + along);
      if (first < warp_first + 16 * M<D> - 1) {
        const int lane = thread_now() % 32;
        const int behind = first + lane % 4 * 2 - (warp_first + lane / 4);  // of the lane's first query, of its first key
#pragma unroll
        for (int m = 0; m < M<D>; ++m) {
#pragma unroll
          for (int n = 0; n < kChunk<D> / 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
              if (behind + n * 8 + e % 2 < m * 16 + e / 2 * 8) s[m][n][e] = __int_as_float(0xff800000);
            }
          }
        }
      }
      // Two queries' (lse, delta) each. Zeros behind the document's end, like Q and dout: dK and dV get nothing.
      const int first_terms = stage * kOthers<D> + chunk + thread_now() % 4 * 2;
      const float4* const terms = reinterpret_cast<const float4*>(shared + kTilesBytes<D> + first_terms * sizeof(float2));
      uint32_t p[M<D>][kChunk<D> / 16][4], ds[M<D>][kChunk<D> / 16][4];
#pragma unroll
      for (int n = 0; n < kChunk<D> / 8; ++n) {
        const float4 t = terms[n * 4];
#pragma unroll
        for (int m = 0; m < M<D>; ++m) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const float p0 = exp2_fast(s[m][n][2 * half] * a.scale_log2 - t.x);
            const float p1 = exp2_fast(s[m][n][2 * half + 1] * a.scale_log2 - t.z);
            p[m][n / 2][n % 2 * 2 + half] = pack(p0, p1);
            ds[m][n / 2][n % 2 * 2 + half] = pack(p0 * (dp[m][n][2 * half] - t.y), p1 * (dp[m][n][2 * half + 1] - t.w));
          }
        }
      }
      multiply_across<D>(dv, p, stage_queries + kTileBytes<D, kOthers<D>> + at<D>(chunk, 0) + across);
      multiply_across<D>(dk, ds, stage_queries + at<D>(chunk, 0) + across);
    }
    stage ^= 1;
  }
  __syncthreads();  // the stores are staged where the queries were

  // Read again: registers are short in the loop.
  const int block = block_now();
  const AttentionTile same = a.tiles[a.tile_count - 1 - block / a.kv_heads];
  const int warp_row = thread_now() / 32 * 16 * M<D>, rows = same.end - same.first - warp_row;
  const int column = (a.query_heads + block % a.kv_heads) * a.head_dim;
  bf16* const to = a.dqkv + static_cast<int64_t>(same.first + warp_row) * a.width + column;
  unsigned char* const staging = shared + at<D>(warp_row, 0);
  float factor[M<D>][2];
#pragma unroll
  for (int m = 0; m < M<D>; ++m) factor[m][0] = factor[m][1] = a.scale;
  store_rows<D, M<D>>(dk, factor, staging, to, a.width, rows, a.head_dim);
#pragma unroll
  for (int m = 0; m < M<D>; ++m) factor[m][0] = factor[m][1] = 1;
  store_rows<D, M<D>>(dv, factor, staging + kTileBytes<D, kOwn<D>>, to + a.kv_heads * a.head_dim, a.width, rows, a.head_dim);
}

template <int D>
void launch(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  const AttentionShape& s = op.shape;
  const int64_t limit = attention_tile_limit(op.rows, op.documents, kOwn<D>);
  AttentionTile* const tiles = static_cast<AttentionTile*>(scratch);
  list_attention_tiles(target, op.documents, op.starts, 0, kOwn<D>, limit, tiles);

  BackwardArguments a;
  a.tiles = tiles, a.tile_count = static_cast<int>(limit);
  a.qkv = as<bf16>(op.qkv), a.out = as<bf16>(op.out), a.dout = as<bf16>(op.dout), a.dqkv = as<bf16>(op.dqkv);
  a.lse = op.lse, a.rows = op.rows;
  a.row_terms = attention_row_terms(scratch, limit);
  a.query_heads = static_cast<int>(s.query_heads), a.kv_heads = static_cast<int>(s.kv_heads);
  a.head_dim = static_cast<int>(s.head_dim), a.width = static_cast<int>(s.row_width());
  a.scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim)), a.scale_log2 = a.scale * kLog2e;

  query_gradient<D><<<static_cast<unsigned>(limit * s.query_heads), kThreads, kTilesBytes<D>, target.stream>>>(a);
  check_launch("computing attention's gradient of the queries");
  constexpr int kBytes = kTilesBytes<D> + kTermsBytes<D>;
  key_gradients<D><<<static_cast<unsigned>(limit * s.kv_heads), kThreads, kBytes, target.stream>>>(a);
  check_launch("computing attention's gradients of the keys and values");
}

}  // namespace

void attention_backward_mma(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  if (op.shape.head_dim <= 64) {
    launch<64>(target, op, scratch);
  } else {
    launch<128>(target, op, scratch);
  }
}

}  // namespace tunesmith
