/**
 * attention, forward, bf16 on mma.sync: FlashAttention's online softmax. A block of 4 warps has 128 queries of one head, 32
 * a warp; keys and values pass through two buffers of shared memory, loaded one step ahead by cp.async.
 *   S = Q·Kᵀ; P = exp2(S·scale·log2(e) − reference); O += P·V; out = O / sum; lse = ln 2·(reference + log2(sum))
 * 32 rows a warp, because a right operand that comes from shared memory then feeds two products: at 16 rows shared memory,
 * not the tensor cores, would set the pace. S is taken 32 keys at a time, so that for head_dim 64 three blocks fit into a
 * multiprocessor's registers and one's softmax runs beside another's products.
 *
 * The reference of the exponents is a row's largest score as of the last time that it was raised; it is raised, and O and
 * sum rescaled, only where a score exceeds it by more than 8 (P below 2⁸: the same precision in bf16 and float32). So most
 * steps need neither shuffles nor a rescaling. Only chunks that reach past the warp's first query are masked; chunks
 * past its last one are skipped.
 *
 * FLOPs: 4·head_dim per query head and (query, key) pair: 137 G at 8 × 2,048 tokens, 32 heads of 64. Bytes: qkv and out once
 * (168 MB there), the rest from L2.
 * Limits: head_dim a multiple of 16 up to 128 (others than 64 and 128 compute with zero columns up to those), tokens and
 * (tiles × heads) below 2^31, 16-byte aligned tensors. Shared memory: 36 KiB (head_dim up to 64), 68 KiB.
 */
#include <cmath>

#include "cuda/attention.h"
#include "cuda/attention_mma.cuh"
#include "cuda/check.h"

namespace tunesmith {

namespace {

using namespace attention_mma;

struct ForwardArguments {
  const AttentionTile* tiles;
  const bf16* qkv;
  bf16* out;
  float* lse;
  int first_row, query_heads, kv_heads, head_dim, width;  // of a row of qkv
  float scale_log2;
};

constexpr int kQueries = 128, kWarpTiles = 2, kWarpQueries = 32, kChunk = 32;
constexpr float kRaise = 8;

template <int D>
constexpr int kKeys = D == 64 ? 64 : 32;
/** Q's fragments stay in registers, and its tile lies where the second step's keys will. */
template <int D>
constexpr bool kKeepQueries = D == 64;
template <int D>
constexpr int kStageBytes = 2 * kTileBytes<D, kKeys<D>>;
template <int D>
constexpr int kForwardBytes = 2 * kStageBytes<D> + (kKeepQueries<D> ? 0 : kTileBytes<D, kQueries>);
static_assert(kStageBytes<64> == kTileBytes<64, kQueries>);

/** A warp's rows: what the online softmax carries from step to step. Sums are each lane's own share. */
struct Rows {
  float reference[kWarpTiles][2], sum[kWarpTiles][2];
};

template <int D>
__device__ void rescale(const float (&s)[kWarpTiles][kChunk / 8][4], float scale_log2, Rows& rows,
                        float (&o)[kWarpTiles][D / 8][4]) {
#pragma unroll
  for (int m = 0; m < kWarpTiles; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float largest = s[m][0][2 * half];
#pragma unroll
      for (int n = 0; n < kChunk / 8; ++n) largest = fmaxf(largest, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
      const float raised = fmaxf(rows.reference[m][half], largest * scale_log2);
      const float factor = exp2_fast(rows.reference[m][half] - raised);
      rows.reference[m][half] = raised;
      rows.sum[m][half] *= factor;
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        o[m][n][2 * half] *= factor;
        o[m][n][2 * half + 1] *= factor;
      }
    }
  }
}

// Blocks that share a multiprocessor's registers. Before Hopper, the compiler needs more than a third of them.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
template <int D>
constexpr int kForwardBlocks = D == 64 ? 3 : 2;
#else
template <int D>
constexpr int kForwardBlocks = 2;
#endif

template <int D>
__global__ void __launch_bounds__(kThreads, kForwardBlocks<D>) forward(const ForwardArguments a) {
  extern __shared__ __align__(16) unsigned char shared[];
  const AttentionTile tile = a.tiles[blockIdx.x / a.query_heads];
  if (tile.begin == tile.end) return;
  const int head = blockIdx.x % a.query_heads, warp = threadIdx.x / 32;
  // Positions from here on are the document's own.
  const int queries = min(kQueries, tile.end - tile.first), first = tile.first - tile.begin, keys = first + queries;
  const bf16* const document = a.qkv + static_cast<int64_t>(tile.begin) * a.width;
  const bf16* const k = document + (a.query_heads + head / (a.query_heads / a.kv_heads)) * a.head_dim;

  const uint32_t base = shared_address(shared);
  const uint32_t query_tile = base + (kKeepQueries<D> ? kStageBytes<D> : 2 * kStageBytes<D>);
  const auto load_keys = [&](int step) {
    const int key = step * kKeys<D>;
    const uint32_t to = base + (step % 2) * kStageBytes<D>;
    const bf16* const from = k + static_cast<int64_t>(key) * a.width;
    copy_rows<D, kKeys<D>>(to, from, a.width, keys - key, a.head_dim);
    copy_rows<D, kKeys<D>>(to + kTileBytes<D, kKeys<D>>, from + a.kv_heads * a.head_dim, a.width, keys - key, a.head_dim);
  };
  const bf16* const tile_queries = document + static_cast<int64_t>(first) * a.width + head * a.head_dim;
  copy_rows<D, kQueries>(query_tile, tile_queries, a.width, queries, a.head_dim);
  load_keys(0);
  copies_wait();
  __syncthreads();

  const uint32_t across = lane_across<D>(threadIdx.x % 32), along = lane_along<D>(threadIdx.x % 32);
  const uint32_t warp_queries = query_tile + at<D>(warp * kWarpQueries, 0) + across;
  uint32_t q[kWarpTiles][D / 16][4];
  if constexpr (kKeepQueries<D>) {
    load_left<D, kWarpTiles>(q, warp_queries);
    __syncthreads();  // the second step's keys go there
  }

  const int warp_first = first + warp * kWarpQueries;
  // A warp without queries computes nothing.
  const int warp_keys = warp * kWarpQueries < queries ? min(keys, warp_first + kWarpQueries) : 0;
  float o[kWarpTiles][D / 8][4] = {};
  Rows rows;
#pragma unroll
  for (int m = 0; m < kWarpTiles; ++m) {
    rows.reference[m][0] = rows.reference[m][1] = __int_as_float(0xff800000);
    rows.sum[m][0] = rows.sum[m][1] = 0;
  }

  const int steps = (keys + kKeys<D> - 1) / kKeys<D>;
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) load_keys(step + 1);
    const uint32_t stage = base + (step % 2) * kStageBytes<D>;
#pragma unroll 1
    for (int chunk = 0; chunk < kKeys<D>; chunk += kChunk) {
      const int key = step * kKeys<D> + chunk;
      if (key >= warp_keys) break;
      const uint32_t chunk_keys = stage + at<D>(chunk, 0) + along;
      float s[kWarpTiles][kChunk / 8][4] = {};
#pragma unroll
      for (int d = 0; d < D / 16; ++d) {
        if constexpr (!kKeepQueries<D>) {
#pragma unroll
          for (int m = 0; m < kWarpTiles; ++m) load_matrices(q[m][d], warp_queries + at<D>(m * 16, d * 16));
        }
#pragma unroll
        for (int n = 0; n < kChunk / 16; ++n) {
          uint32_t b[4];
          load_matrices(b, chunk_keys + at<D>(n * 16, d * 16));
#pragma unroll
          for (int m = 0; m < kWarpTiles; ++m) {
            multiply_add(s[m][2 * n], q[m][d], b[0], b[1]);
            multiply_add(s[m][2 * n + 1], q[m][d], b[2], b[3]);
          }
        }
      }
      if (key + kChunk - 1 > warp_first) {
        const int lane = thread_now() % 32;
        const int ahead = key + lane % 4 * 2 - (warp_first + lane / 4);  // of the lane's first key, of its first query
#pragma unroll
        for (int m = 0; m < kWarpTiles; ++m) {
#pragma unroll
          for (int n = 0; n < kChunk / 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
              if (ahead + n * 8 + e % 2 > m * 16 + e / 2 * 8) s[m][n][e] = __int_as_float(0xff800000);
            }
          }
        }
      }
      bool exceeds = false;
#pragma unroll
      for (int m = 0; m < kWarpTiles; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float largest = s[m][0][2 * half];
#pragma unroll
          for (int n = 0; n < kChunk / 8; ++n) largest = fmaxf(largest, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
          exceeds |= largest * a.scale_log2 > rows.reference[m][half] + kRaise;
        }
      }
      if (__any_sync(0xffffffffu, exceeds)) rescale<D>(s, a.scale_log2, rows, o);

      uint32_t p[kWarpTiles][kChunk / 16][4];
#pragma unroll
      for (int m = 0; m < kWarpTiles; ++m) {
#pragma unroll
        for (int n = 0; n < kChunk / 8; ++n) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const float p0 = exp2_fast(s[m][n][2 * half] * a.scale_log2 - rows.reference[m][half]);
            const float p1 = exp2_fast(s[m][n][2 * half + 1] * a.scale_log2 - rows.reference[m][half]);
            rows.sum[m][half] += p0 + p1;
            p[m][n / 2][n % 2 * 2 + half] = pack(p0, p1);
          }
        }
      }
      const uint32_t chunk_values = stage + kTileBytes<D, kKeys<D>> + at<D>(chunk, 0) + across;
#pragma unroll
      for (int j = 0; j < kChunk / 16; ++j) {
#pragma unroll
        for (int n = 0; n < D / 16; ++n) {
          uint32_t b[4];
          load_matrices_transposed(b, chunk_values + at<D>(j * 16, n * 16));
#pragma unroll
          for (int m = 0; m < kWarpTiles; ++m) {
            multiply_add(o[m][2 * n], p[m][j], b[0], b[1]);
            multiply_add(o[m][2 * n + 1], p[m][j], b[2], b[3]);
          }
        }
      }
    }
    copies_wait();
    __syncthreads();
  }

  if (warp_keys == 0) return;
  // Read again: registers are short in the loop.
  const int block = block_now(), head_now = block % a.query_heads;
  const AttentionTile same = a.tiles[block / a.query_heads];
  const int thread = thread_now(), lane = thread % 32, warp_row = thread / 32 * kWarpQueries;
  const int64_t row = same.first + warp_row - a.first_row;
  const int warp_rows = same.end - same.first - warp_row;
  float inverse[kWarpTiles][2];
#pragma unroll
  for (int m = 0; m < kWarpTiles; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = rows.sum[m][half];
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      inverse[m][half] = 1.0f / sum;
      const int i = m * 16 + half * 8 + lane / 4;
      if (lane % 4 == 0 && i < warp_rows) {
        a.lse[(row + i) * a.query_heads + head_now] = (rows.reference[m][half] + log2f(sum)) * kLn2;
      }
    }
  }
  const int out_width = a.query_heads * a.head_dim;
  store_rows<D, kWarpTiles>(o, inverse, shared + at<D>(warp_row, 0), a.out + row * out_width + head_now * a.head_dim,
                            out_width, warp_rows, a.head_dim);
}

template <int D>
void launch(const CudaTarget& target, const ForwardArguments& arguments, int64_t blocks) {
  check_cuda(cudaFuncSetAttribute(forward<D>, cudaFuncAttributeMaxDynamicSharedMemorySize, kForwardBytes<D>),
             "preparing attention");
  forward<D><<<static_cast<unsigned>(blocks), kThreads, kForwardBytes<D>, target.stream>>>(arguments);
  check_launch("computing attention");
}

}  // namespace

void attention_forward_mma(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  const AttentionShape& s = op.shape;
  AttentionTile* tiles = static_cast<AttentionTile*>(scratch);
  const int64_t limit = attention_tile_limit(op.rows - op.first_row, op.documents, kQueries);
  list_attention_tiles(target, op.documents, op.starts, op.first_row, kQueries, limit, tiles);
  ForwardArguments arguments;
  arguments.tiles = tiles;
  arguments.qkv = as<bf16>(op.qkv), arguments.out = as<bf16>(op.out), arguments.lse = op.lse;
  arguments.first_row = static_cast<int>(op.first_row), arguments.head_dim = static_cast<int>(s.head_dim);
  arguments.query_heads = static_cast<int>(s.query_heads), arguments.kv_heads = static_cast<int>(s.kv_heads);
  arguments.width = static_cast<int>(s.row_width());
  arguments.scale_log2 = kLog2e / std::sqrt(static_cast<float>(s.head_dim));
  if (s.head_dim <= 64) {
    launch<64>(target, arguments, limit * s.query_heads);
  } else {
    launch<128>(target, arguments, limit * s.query_heads);
  }
}

}  // namespace tunesmith
