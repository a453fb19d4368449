/**
 * attention backward in bfloat16 on Hopper. See AttentionBackward in ops.h for shapes; p the probabilities, recomputed from
 * the forward's log-sum-exp:
 *   ds = p·(dout·vᵀ − delta), delta = row sum of dout·out;  dq = scale·ds·k, dk = scale·dsᵀ·q, dv = pᵀ·dout
 * FLOP: 7 products of 2·head_dim per query head and visible (query, key) pair where 5 would do: one kernel computes dq, by
 * query tile, another dk and dv, by key tile, and both recompute p and dout·vᵀ. So each gradient has one writer that adds in
 * a fixed order: no atomics, no sums in memory, no order between blocks; and every ds and p goes from the registers that it
 * is computed in straight into its product, transposed scores being computed as k·qᵀ. The floor at head_dim 64 is the tensor
 * cores': 8 × 2,048 tokens with 32 heads 0.65 ms at 700 TFLOP/s.
 *
 * Both kernels are persistent: one warp asks the copy engine for tiles, two warpgroups compute 64 rows each. Within a
 * warpgroup the products of the next tile are queued before the exponentials and differences of this one are done with
 * (head_dim 128 lacks the registers for that in dk and dv; there, one warpgroup computes while the other's products run).
 * The dq kernel, which goes first, leaves delta and the base-2 log-sum-exp per head and row for the other.
 *
 * Limits: compute capability 9.0, head_dim 64 and 128; rows below 2^31; 16-byte aligned pointers.
 */
#include <cmath>
#include <type_traits>

#include "cuda/attention_sm90.cuh"

namespace tunesmith {

namespace {

using sm90::kTile;

constexpr int kGroups = 2;  // warpgroups that compute
constexpr int kThreads = kGroups * 128 + 128;
constexpr int kBlock = kGroups * kTile;  // keys of a block

struct BackwardProblem {
  const AttentionTile *query_tiles, *key_tiles;
  int32_t *query_counter, *key_counter;
  int32_t query_items, key_items;
  int32_t together, head_blocks;  // of dq: heads of a block, blocks of heads
  int32_t heads, kv_heads;
  int64_t rows;
  float scale;
  const float* lse;                // [rows, heads], natural
  float *lse2, *delta;             // [heads, rows]
  __nv_bfloat16* dqkv;
};

struct Maps {
  CUtensorMap qkv, out, dout;
};

template <int D>
struct QueryKernel {
  static constexpr int kHeld = D == 64 ? 4 : 0;  // steps of q, and of dout, that a warpgroup keeps in registers
  static_assert(kHeld * 16 <= D);
  static constexpr int kStages = D == 64 ? 6 : 4;
  static constexpr int kTileBytes = kTile * D * 2;
  struct Control {
    sm90::Work work;
    uint64_t rows_full, rows_empty, k_full[kStages], v_full[kStages], k_empty[kStages], v_empty[kStages];
  };
  static constexpr int kKeysAt = kGroups * 3 * kTileBytes;  // after each warpgroup's q, dout, out
  static constexpr int kControl = kKeysAt + kStages * 2 * kTileBytes;
  static constexpr int kShared = 1024 + kControl + static_cast<int>(sizeof(Control));
  static_assert(kShared <= sm90::kLargestShared);
};

template <int D>
struct KeyKernel {
  static constexpr bool kAhead = D == 64;       // the next scores are queued before this tile's ds is computed
  static constexpr int kHeld = kAhead ? 4 : 0;  // steps of k, and of v, that a warpgroup keeps in registers
  static_assert(kHeld * 16 <= D);
  static constexpr int kStages = D == 64 ? 6 : 4;
  static constexpr int kTileBytes = kTile * D * 2;
  struct Control {
    sm90::Work work;
    uint64_t keys_full, keys_empty, full[kStages], empty[kStages];
    float lse2[kStages][kTile], delta[kStages][kTile];
  };
  static constexpr int kRowsAt = kGroups * 2 * kTileBytes;  // after each warpgroup's k and v: stages of q and dout
  static constexpr int kControl = kRowsAt + kStages * 2 * kTileBytes;
  static constexpr int kShared = 1024 + kControl + static_cast<int>(sizeof(Control));
  static_assert(kShared <= sm90::kLargestShared);
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

__device__ inline float low_half(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high_half(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ inline float dot2(uint32_t a, uint32_t b) { return low_half(a) * low_half(b) + high_half(a) * high_half(b); }

// dq ------------------------------------------------------------------------------------------------------------------

/** Tiles of keys that rows up to `last` of the work's document see. */
__device__ inline int key_tiles(const sm90::Work& work, int last) {
  return (min(last, work.end) - work.begin + kTile - 1) / kTile;
}

template <int D>
__device__ void produce_for_queries(const Maps& maps, const BackwardProblem& p, std::byte* memory,
                                    typename QueryKernel<D>::Control& c) {
  using K = QueryKernel<D>;
  const bool leader = threadIdx.x % 32 == 0;
  sm90::Ring<K::kStages> ring;
  int32_t item = blockIdx.x;
  for (uint32_t round = 0;; round ^= 1) {
    AttentionTile tile;
    if (item < p.query_items) tile = p.query_tiles[item / p.head_blocks];
    const sm90::Work work = {tile.begin, tile.end, tile.first, item % p.head_blocks * p.together};
    item = sm90::next_item(p.query_counter);
    sm90::barrier_wait(&c.rows_empty, round ^ 1);
    if (leader) c.work = work;
    if (work.end == work.begin) {
      if (leader) sm90::barrier_arrive(&c.rows_full);
      return;
    }
    if (leader) {
      sm90::barrier_arrive_expect(&c.rows_full, kGroups * 3 * K::kTileBytes);
      for (int g = 0; g < kGroups; ++g) {
        std::byte* to = memory + g * 3 * K::kTileBytes;
        const int column = (work.head + g % p.together) * D, row = work.first + g / p.together * kTile;
        sm90::load_rows<D, 1>(to, &maps.qkv, column, row, &c.rows_full);
        sm90::load_rows<D, 1>(to + K::kTileBytes, &maps.dout, column, row, &c.rows_full);
        sm90::load_rows<D, 1>(to + 2 * K::kTileBytes, &maps.out, column, row, &c.rows_full);
      }
    }
    const int k_column = (p.heads + work.head / (p.heads / p.kv_heads)) * D, v_column = k_column + p.kv_heads * D;
    const int tiles = key_tiles(work, work.first + kGroups / p.together * kTile);
    for (int j = 0; j < tiles; ++j) {
      std::byte* k = memory + K::kKeysAt + ring.stage * 2 * K::kTileBytes;
      const int row = work.begin + j * kTile;
      sm90::barrier_wait(&c.k_empty[ring.stage], ring.phase ^ 1);
      if (leader) {
        sm90::barrier_arrive_expect(&c.k_full[ring.stage], K::kTileBytes);
        sm90::load_rows<D, 1>(k, &maps.qkv, k_column, row, &c.k_full[ring.stage]);
      }
      sm90::barrier_wait(&c.v_empty[ring.stage], ring.phase ^ 1);
      if (leader) {
        sm90::barrier_arrive_expect(&c.v_full[ring.stage], K::kTileBytes);
        sm90::load_rows<D, 1>(k + K::kTileBytes, &maps.qkv, v_column, row, &c.v_full[ring.stage]);
      }
      __syncwarp();
      ring.advance();
    }
  }
}

template <int D>
__device__ void compute_queries(const BackwardProblem& p, const std::byte* memory, typename QueryKernel<D>::Control& c) {
  using K = QueryKernel<D>;
  const int g = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), lane = threadIdx.x % 32;
  const int local = threadIdx.x / 32 % 4 * 16 + lane / 4, pair = lane % 4 * 2;  // row and column of the first sum
  const float scale2 = p.scale * sm90::kLog2E;
  const std::byte *mine = memory + g * 3 * K::kTileBytes, *keys = memory + K::kKeysAt;
  sm90::Ring<K::kStages> ring;
  for (uint32_t round = 0;; round ^= 1) {
    sm90::barrier_wait(&c.rows_full, round);
    const sm90::Work work = c.work;
    if (work.end == work.begin) return;
    const sm90::Left<D, K::kHeld> q(mine), dout(mine + K::kTileBytes);
    float lse2[2] = {0, 0}, delta[2] = {0, 0};
#pragma unroll
    for (int k = 0; k < D / 16; ++k) {
      uint32_t o[4], d[4];
      sm90::load_fragment(o, mine + 2 * K::kTileBytes, k);
      sm90::load_fragment(d, mine + K::kTileBytes, k);
#pragma unroll
      for (int i = 0; i < 4; ++i) delta[i % 2] += dot2(o[i], d[i]);
    }
    if (K::kHeld > 0) sm90::release(&c.rows_empty);
    const int first = work.first + g / p.together * kTile, head = work.head + g % p.together;
    const int64_t row = first + local;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      delta[half] = sm90::quad_sum(delta[half]);
      const int64_t r = row + half * 8;
      if (r < work.end) {
        lse2[half] = p.lse[r * p.heads + head] * sm90::kLog2E;
        if (pair == 0) {
          p.lse2[head * p.rows + r] = lse2[half];
          p.delta[head * p.rows + r] = delta[half];
        }
      }
    }

    const int all = key_tiles(work, work.first + kGroups / p.together * kTile);
    const int tiles = first < work.end ? key_tiles(work, first + kTile) : 0;
    // A warp without rows skips its exponentials. The branch also keeps the assembler from moving them past the wait.
    const bool some_rows = __any_sync(0xffffffffu, row < work.end);
    float s[kTile / 2], dp[kTile / 2], dq[D / 2] = {};
    uint32_t ds[kTile / 16][4];
    int behind = -1;  // the stage whose keys dq is being computed with
    const auto begin_scores = [&](const sm90::Ring<K::kStages>& at) {
      sm90::barrier_wait(&c.k_full[at.stage], at.phase);
      sm90::wgmma_fence();
      sm90::scores<kTile>(s, q, keys + at.stage * 2 * K::kTileBytes);
      sm90::wgmma_commit();
    };
    const auto begin_dp = [&](const sm90::Ring<K::kStages>& at) {
      sm90::barrier_wait(&c.v_full[at.stage], at.phase);
      sm90::wgmma_fence();
      sm90::scores<kTile>(dp, dout, keys + (at.stage * 2 + 1) * K::kTileBytes);
      sm90::wgmma_commit();
    };
    // Each of a step's two computations runs beside products: the exponentials beside the last tile's dq and this one's dp,
    // the differences beside the next tile's scores.
    const auto step = [&](auto last) {
      constexpr bool kLast = decltype(last)::value;
      sm90::Ring<K::kStages> next = ring;
      next.advance();
      float probability[kTile / 2] = {};
      if (some_rows) {
#pragma unroll
        for (int i = 0; i < kTile / 2; ++i) probability[i] = sm90::exp2_fast(s[i] * scale2 - lse2[i / 2 % 2]);
      }
      if constexpr (kLast) {  // the diagonal
#pragma unroll
        for (int i = 0; i < kTile / 2; ++i) {
          if (i / 4 * 8 + pair + i % 2 > local + i / 2 % 2 * 8) probability[i] = 0;
        }
      }
      sm90::settle(probability);
      sm90::wgmma_wait<0>();
      sm90::settle(dp), sm90::settle(dq), sm90::settle(ds);
      sm90::release(&c.v_empty[ring.stage]);
      if (behind >= 0) sm90::release(&c.k_empty[behind]);
      if constexpr (!kLast) begin_scores(next);
#pragma unroll
      for (int i = 0; i < kTile / 4; ++i) {
        const float shift = delta[i % 2];
        ds[i / 4][i % 4] =
            sm90::pack_bf16(probability[2 * i] * (dp[2 * i] - shift), probability[2 * i + 1] * (dp[2 * i + 1] - shift));
      }
      sm90::settle(ds);
      if constexpr (!kLast) {
        sm90::wgmma_wait<0>();
        sm90::settle(s);
      }
      sm90::wgmma_fence();
      sm90::accumulate<kTile, D>(dq, ds, keys + ring.stage * 2 * K::kTileBytes);
      sm90::wgmma_commit();
      if constexpr (!kLast) begin_dp(next);
      behind = ring.stage;
      ring = next;
    };
    if (tiles > 0) {
      begin_scores(ring);
      sm90::wgmma_wait<0>();
      sm90::settle(s), sm90::settle(dq);
      begin_dp(ring);
      for (int j = 1; j < tiles; ++j) step(std::false_type());
      step(std::true_type());
      sm90::wgmma_wait<0>();
      sm90::settle(dq), sm90::settle(ds);
      sm90::release(&c.k_empty[behind]);
    }
    if (K::kHeld == 0) sm90::release(&c.rows_empty);
    for (int j = tiles; j < all; ++j) {  // keys that only the rows of the other warpgroup see
      sm90::barrier_wait(&c.k_full[ring.stage], ring.phase);
      sm90::release(&c.k_empty[ring.stage]);
      sm90::barrier_wait(&c.v_full[ring.stage], ring.phase);
      sm90::release(&c.v_empty[ring.stage]);
      ring.advance();
    }
    const int64_t stride = static_cast<int64_t>(p.heads + 2 * p.kv_heads) * D;
    sm90::store_rows<D>(dq, p.scale, p.scale, p.dqkv + row * stride + head * D, stride, row < work.end, row + 8 < work.end);
  }
}

// dk, dv --------------------------------------------------------------------------------------------------------------

template <int D>
__device__ void produce_for_keys(const Maps& maps, const BackwardProblem& p, std::byte* memory,
                                 typename KeyKernel<D>::Control& c) {
  using K = KeyKernel<D>;
  const int lane = threadIdx.x % 32, group = p.heads / p.kv_heads;
  sm90::Ring<K::kStages> ring;
  int32_t item = blockIdx.x;
  for (uint32_t round = 0;; round ^= 1) {
    AttentionTile tile;
    if (item < p.key_items) tile = p.key_tiles[item / p.kv_heads];
    // The list has the tiles with the most keys, the last of a document, first. Here its first see the most queries.
    const int mirrored = tile.begin + ((tile.end - tile.begin - 1) / kBlock * kBlock - (tile.first - tile.begin));
    const sm90::Work work = {tile.begin, tile.end, mirrored, item % p.kv_heads};
    item = sm90::next_item(p.key_counter);
    sm90::barrier_wait(&c.keys_empty, round ^ 1);
    if (lane == 0) c.work = work;
    if (work.end == work.begin) {
      if (lane == 0) sm90::barrier_arrive(&c.keys_full);
      return;
    }
    const int k_column = (p.heads + work.head) * D, v_column = k_column + p.kv_heads * D;
    if (lane == 0) {
      sm90::barrier_arrive_expect(&c.keys_full, kGroups * 2 * K::kTileBytes);
      for (int g = 0; g < kGroups; ++g) {
        std::byte* to = memory + g * 2 * K::kTileBytes;
        sm90::load_rows<D, 1>(to, &maps.qkv, k_column, work.first + g * kTile, &c.keys_full);
        sm90::load_rows<D, 1>(to + K::kTileBytes, &maps.qkv, v_column, work.first + g * kTile, &c.keys_full);
      }
    }
    for (int head = work.head * group; head < (work.head + 1) * group; ++head) {
      const float *lse2 = p.lse2 + head * p.rows, *delta = p.delta + head * p.rows;
      for (int query = work.first; query < work.end; query += kTile) {
        std::byte* q = memory + K::kRowsAt + ring.stage * 2 * K::kTileBytes;
        sm90::barrier_wait(&c.empty[ring.stage], ring.phase ^ 1);
        if (lane == 0) {
          sm90::barrier_arrive_expect(&c.full[ring.stage], 2 * K::kTileBytes);
          sm90::load_rows<D, 1>(q, &maps.qkv, head * D, query, &c.full[ring.stage]);
          sm90::load_rows<D, 1>(q + K::kTileBytes, &maps.dout, head * D, query, &c.full[ring.stage]);
        }
#pragma unroll
        for (int r = lane; r < kTile; r += 32) {
          const bool there = query + r < p.rows;
          const int64_t row = there ? query + r : 0;
          sm90::copy_word(&c.lse2[ring.stage][r], lse2 + row, there);
          sm90::copy_word(&c.delta[ring.stage][r], delta + row, there);
        }
        sm90::barrier_arrive_after_copies(&c.full[ring.stage]);
        __syncwarp();
        ring.advance();
      }
    }
  }
}

template <int D>
__device__ void compute_keys(const BackwardProblem& p, const std::byte* memory, typename KeyKernel<D>::Control& c) {
  using K = KeyKernel<D>;
  const int g = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), lane = threadIdx.x % 32;
  const int local = threadIdx.x / 32 % 4 * 16 + lane / 4, pair = lane % 4 * 2;  // row and column of the first sum
  const int group = p.heads / p.kv_heads;
  const float scale2 = p.scale * sm90::kLog2E;
  const std::byte *mine = memory + g * 2 * K::kTileBytes, *rows = memory + K::kRowsAt;
  sm90::Ring<K::kStages> ring;
  const auto pass = [&](int stages) {
    for (int i = 0; i < stages; ++i) {
      sm90::barrier_wait(&c.full[ring.stage], ring.phase);
      sm90::release(&c.empty[ring.stage]);
      ring.advance();
    }
  };
  for (uint32_t round = 0;; round ^= 1) {
    sm90::barrier_wait(&c.keys_full, round);
    const sm90::Work work = c.work;
    if (work.end == work.begin) return;
    const sm90::Left<D, K::kHeld> k(mine), v(mine + K::kTileBytes);
    if (K::kHeld > 0) sm90::release(&c.keys_empty);
    // A key sees queries from its own row on: warpgroup g begins with the g-th tile of queries, on the diagonal.
    const int first = work.first + g * kTile, tiles = (work.end - work.first + kTile - 1) / kTile;
    float s[kTile / 2], dp[kTile / 2], dk[D / 2] = {}, dv[D / 2] = {};
    uint32_t probability[kTile / 16][4], ds[kTile / 16][4];
    int behind = -1;  // the stage that the last dk is being computed with
    int tile = g;
    const auto begin_scores = [&] {
      sm90::barrier_wait(&c.full[ring.stage], ring.phase);
      sm90::wgmma_fence();
      sm90::scores<kTile>(s, k, rows + ring.stage * 2 * K::kTileBytes);
      sm90::wgmma_commit();
    };
    const auto begin_dp = [&](int stage) {
      sm90::wgmma_fence();
      sm90::scores<kTile>(dp, v, rows + (stage * 2 + 1) * K::kTileBytes);
      sm90::wgmma_commit();
    };
    const auto release_behind = [&] {
      if (behind >= 0) sm90::release(&c.empty[behind]);
    };
    // With kAhead both of a step's computations run beside products: the exponentials beside the last tile's dk and this
    // one's dp, the differences beside this one's dv and the next tile's scores.
    const auto step = [&](auto last) {
      constexpr bool kLast = decltype(last)::value;
      const int stage = ring.stage;
      if constexpr (K::kAhead) {
        begin_dp(stage);
      } else {
        begin_scores();
        sm90::wgmma_wait<0>();
        sm90::settle(s), sm90::settle(dk), sm90::settle(ds);
        release_behind();
      }
      if (tile == g || tile == tiles - 1) {  // the diagonal; queries past the document's end
        const int first_query = tile == g ? local : -8, queries = work.end - work.first - tile * kTile;
#pragma unroll
        for (int i = 0; i < kTile / 2; ++i) {
          const int query = i / 4 * 8 + pair + i % 2;
          if (query < first_query + i / 2 % 2 * 8 || query >= queries) s[i] = -INFINITY;
        }
      }
#pragma unroll
      for (int j = 0; j < kTile / 8; ++j) {
        const float2 lse2 = *reinterpret_cast<const float2*>(&c.lse2[stage][8 * j + pair]);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int i = 4 * j + 2 * half;
          probability[i / 8][i / 2 % 4] =
              sm90::pack_bf16(sm90::exp2_fast(s[i] * scale2 - lse2.x), sm90::exp2_fast(s[i + 1] * scale2 - lse2.y));
        }
      }
      sm90::settle(probability);
      sm90::wgmma_fence();
      sm90::accumulate<kTile, D>(dv, probability, rows + (stage * 2 + 1) * K::kTileBytes);
      sm90::wgmma_commit();
      if constexpr (K::kAhead) {
        sm90::wgmma_wait<1>();
        sm90::settle(dp), sm90::settle(dk), sm90::settle(ds);
        release_behind();
      }
      ring.advance();
      if (++tile == tiles && !kLast) {
        tile = g;
        pass(g);
      }
      if constexpr (!K::kAhead) {
        begin_dp(stage);
        sm90::wgmma_wait<0>();
        sm90::settle(dp), sm90::settle(dv);
      } else if constexpr (!kLast) {
        begin_scores();
      }
#pragma unroll
      for (int j = 0; j < kTile / 8; ++j) {
        const float2 delta = *reinterpret_cast<const float2*>(&c.delta[stage][8 * j + pair]);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int i = 4 * j + 2 * half;
          const uint32_t both = probability[i / 8][i / 2 % 4];
          ds[i / 8][i / 2 % 4] =
              sm90::pack_bf16(low_half(both) * (dp[i] - delta.x), high_half(both) * (dp[i + 1] - delta.y));
        }
      }
      sm90::settle(ds);
      if constexpr (K::kAhead) {
        sm90::wgmma_wait<0>();
        sm90::settle(s), sm90::settle(dv), sm90::settle(probability);
      }
      sm90::wgmma_fence();
      sm90::accumulate<kTile, D>(dk, ds, rows + stage * 2 * K::kTileBytes);
      sm90::wgmma_commit();
      behind = stage;
    };
    if (g < tiles) {
      pass(g);
      if constexpr (K::kAhead) {
        begin_scores();
        sm90::wgmma_wait<0>();
        sm90::settle(s);
      }
      for (int left = group * (tiles - g); left > 1; --left) step(std::false_type());
      step(std::true_type());
      sm90::wgmma_wait<0>();
      sm90::settle(dk), sm90::settle(dv), sm90::settle(probability), sm90::settle(ds);
      release_behind();
    } else {
      pass(group * tiles);
    }
    if (K::kHeld == 0) sm90::release(&c.keys_empty);
    const int64_t row = first + local, stride = static_cast<int64_t>(p.heads + 2 * p.kv_heads) * D;
    __nv_bfloat16* to = p.dqkv + row * stride + (p.heads + work.head) * D;
    const bool there = row < work.end, there8 = row + 8 < work.end;
    sm90::store_rows<D>(dk, p.scale, p.scale, to, stride, there, there8);
    sm90::store_rows<D>(dv, 1, 1, to + p.kv_heads * D, stride, there, there8);
  }
}

#endif

template <int D>
__global__ __launch_bounds__(kThreads, 1) void attention_queries_kernel(const __grid_constant__ Maps maps,
                                                                        const BackwardProblem p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using K = QueryKernel<D>;
  extern __shared__ std::byte unaligned[];
  std::byte* memory = unaligned + (1024 - sm90::shared_address(unaligned) % 1024) % 1024;
  auto& c = *reinterpret_cast<typename K::Control*>(memory + K::kControl);
  if (threadIdx.x == 0) {
    sm90::barrier_init(&c.rows_full, 1);
    sm90::barrier_init(&c.rows_empty, kGroups * 4);
    for (int i = 0; i < K::kStages; ++i) {
      sm90::barrier_init(&c.k_full[i], 1);
      sm90::barrier_init(&c.v_full[i], 1);
      sm90::barrier_init(&c.k_empty[i], kGroups * 4);
      sm90::barrier_init(&c.v_empty[i], kGroups * 4);
    }
    sm90::barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x >= kGroups * 128) {
    sm90::give_registers<24>();
    if (threadIdx.x < kGroups * 128 + 32) produce_for_queries<D>(maps, p, memory, c);
  } else {
    sm90::take_registers<240>();
    compute_queries<D>(p, memory, c);
  }
#endif
}

template <int D>
__global__ __launch_bounds__(kThreads, 1) void attention_keys_kernel(const __grid_constant__ Maps maps,
                                                                     const BackwardProblem p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using K = KeyKernel<D>;
  extern __shared__ std::byte unaligned[];
  std::byte* memory = unaligned + (1024 - sm90::shared_address(unaligned) % 1024) % 1024;
  auto& c = *reinterpret_cast<typename K::Control*>(memory + K::kControl);
  if (threadIdx.x == 0) {
    sm90::barrier_init(&c.keys_full, 1);
    sm90::barrier_init(&c.keys_empty, kGroups * 4);
    for (int i = 0; i < K::kStages; ++i) {
      sm90::barrier_init(&c.full[i], 1 + 32);  // the copy engine; each of the producer's lanes, when its words are there
      sm90::barrier_init(&c.empty[i], kGroups * 4);
    }
    sm90::barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x >= kGroups * 128) {
    sm90::give_registers<24>();
    if (threadIdx.x < kGroups * 128 + 32) produce_for_keys<D>(maps, p, memory, c);
  } else {
    sm90::take_registers<240>();
    compute_keys<D>(p, memory, c);
  }
#endif
}

template <int D>
void launch_backward(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  using Q = QueryKernel<D>;
  using K = KeyKernel<D>;
  const AttentionShape& shape = op.shape;
  BackwardProblem p;
  p.together = sm90::heads_together(shape, kGroups);
  p.heads = static_cast<int32_t>(shape.query_heads);
  p.kv_heads = static_cast<int32_t>(shape.kv_heads);
  p.head_blocks = p.heads / p.together;
  p.rows = op.rows;
  p.scale = 1.0f / std::sqrt(static_cast<float>(D));
  p.lse = op.lse;
  p.dqkv = as<__nv_bfloat16>(op.dqkv);

  const int64_t query_block = kGroups / p.together * kTile;
  const int64_t query_limit = attention_tile_limit(op.rows, op.documents, query_block);
  const int64_t key_limit = attention_tile_limit(op.rows, op.documents, kBlock);
  sm90::ScratchParts parts(scratch);
  int32_t* counters = parts.take<int32_t>(2);
  AttentionTile* query_tiles = parts.take<AttentionTile>(query_limit);
  AttentionTile* key_tiles = query_block == kBlock ? query_tiles : parts.take<AttentionTile>(key_limit);
  p.lse2 = parts.take<float>(op.rows * p.heads);
  p.delta = parts.take<float>(op.rows * p.heads);
  p.query_tiles = query_tiles;
  p.key_tiles = key_tiles;
  p.query_counter = counters;
  p.key_counter = counters + 1;
  p.query_items = static_cast<int32_t>(query_limit) * p.head_blocks;
  p.key_items = static_cast<int32_t>(key_limit) * p.kv_heads;
  check_cuda(cudaMemsetAsync(counters, 0, 2 * sizeof(int32_t), target.stream), "clearing attention's counters");
  list_attention_tiles(target, op.documents, op.starts, 0, query_block, query_limit, query_tiles);
  if (key_tiles != query_tiles) list_attention_tiles(target, op.documents, op.starts, 0, kBlock, key_limit, key_tiles);

  const int64_t width = shape.row_width(), out_width = shape.query_heads * D;
  const Maps maps = {tensor_map(op.qkv, op.rows, width, width, kTile),
                     tensor_map(op.out, op.rows, out_width, out_width, kTile),
                     tensor_map(op.dout, op.rows, out_width, out_width, kTile)};
  sm90::allow_shared(attention_queries_kernel<D>, Q::kShared, "preparing attention's backward");
  sm90::allow_shared(attention_keys_kernel<D>, K::kShared, "preparing attention's backward");
  const int query_blocks = std::min(target.multiprocessors, p.query_items);
  attention_queries_kernel<D><<<query_blocks, kThreads, Q::kShared, target.stream>>>(maps, p);
  check_launch("computing attention's gradient of the queries");
  const int key_blocks = std::min(target.multiprocessors, p.key_items);
  attention_keys_kernel<D><<<key_blocks, kThreads, K::kShared, target.stream>>>(maps, p);
  check_launch("computing attention's gradient of the keys and values");
}

}  // namespace

void attention_backward_sm90(const CudaTarget& target, const AttentionBackward& op, void* scratch) {
  if (op.rows == 0) return;
  if (op.shape.head_dim == 64) {
    launch_backward<64>(target, op, scratch);
  } else {
    launch_backward<128>(target, op, scratch);
  }
}

}  // namespace tunesmith
