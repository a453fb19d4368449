/**
 * attention forward in bfloat16 on Hopper: block-diagonal causal attention over packed documents, grouped key/value heads,
 * scores scaled by 1/sqrt(head_dim). See AttentionForward in ops.h for shapes.
 * FLOP: 2·2·head_dim per query head and visible (query, key) pair. The floor at head_dim 64 is shared by two units: 64 × 64
 * pairs take 256 cycles of the tensor cores and 256 of the exponential's unit; 8 × 2,048 tokens with 32 heads 0.16 ms.
 *
 * A persistent block has one warp that asks the copy engine for tiles, and 4 (head_dim 64) or 2 (128) warpgroups of 64 query
 * rows each. Where the group of heads allows, the warpgroups are different heads over the same rows, so that each key and
 * value tile read serves them all. A warpgroup keeps q in registers, computes q·kᵀ, the softmax online, and p·v with p from
 * registers; they run unsynchronised, so one's exponentials hide behind the others' products. p·v of one tile and q·kᵀ of
 * the next are queued together.
 *
 * The maximum that p is scaled by rises only when it must: while a row's scores stay within a factor 2^8 of it, the sums
 * need no rescaling, and p (at most 2^8) loses nothing in bfloat16, whose precision is relative.
 *
 * Limits: compute capability 9.0, head_dim 64 and 128, no cached rows; rows below 2^31; 16-byte aligned pointers.
 */
#include <cmath>

#include "cuda/attention_sm90.cuh"

namespace tunesmith {

namespace {

using sm90::kTile;

template <int D>
struct Forward {
  static constexpr int kGroups = D == 64 ? 4 : 2;  // warpgroups that compute
  static constexpr int kKeys = D == 64 ? 64 : 128;
  static constexpr int kStages = D == 64 ? 5 : 3;
  static constexpr int kThreads = kGroups * 128 + 128;
  static constexpr int kRegisters = D == 64 ? 112 : 240;  // of a thread that computes
  /** What a block starts with, which setmaxnreg can only hand on: registers a thread, times its warpgroups. */
  static constexpr int kAtLaunch = 65536 / ((kGroups + 1) * 128) / 8 * 8;
  static_assert(kGroups * kRegisters + 24 <= (kGroups + 1) * kAtLaunch);
  static constexpr int kHeld = D == 64 ? 1 : 8;  // steps of q that a warpgroup keeps in registers
  static constexpr int kBuffers = kHeld * 16 == D ? 1 : 2;  // of q: one, where it is free as soon as it is in registers
  static constexpr int kQueryBytes = kTile * D * 2;  // of a warpgroup
  static constexpr int kTileBytes = kKeys * D * 2;   // of keys, or of values
  struct Control {
    sm90::Work work[2];  // of this round and the next
    uint64_t rows_full[kBuffers], rows_empty[kBuffers];
    uint64_t k_full[kStages], v_full[kStages], k_empty[kStages], v_empty[kStages];
  };
  static constexpr int kKeysAt = kBuffers * kGroups * kQueryBytes;
  static constexpr int kControl = kKeysAt + kStages * 2 * kTileBytes;
  static constexpr int kShared = 1024 + kControl + static_cast<int>(sizeof(Control));
  static_assert(kShared <= sm90::kLargestShared);
};

struct ForwardProblem {
  const AttentionTile* tiles;
  int32_t* counter;
  int32_t items, head_blocks;        // items: tiles × head_blocks
  int32_t together;                  // heads of a block
  int32_t heads, kv_heads;
  float scale;
  __nv_bfloat16* out;
  float* lse;
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/** Tiles of keys that rows [first, …) up to `last` see. */
template <int Keys>
__device__ int key_tiles(const sm90::Work& work, int last) {
  return (min(last, work.end) - work.begin + Keys - 1) / Keys;
}

/** What a warpgroup computes of a piece of work: 64 rows of one head. Its registers are too few to keep this. */
struct RowsOfGroup {
  int begin, end, first, head;
  __device__ RowsOfGroup(const sm90::Work& work, const ForwardProblem& p, int group)
      : begin(work.begin),
        end(work.end),
        first(work.first + group / p.together * kTile),
        head(work.head + group % p.together) {}
  /** Where the first row lies in the last tile of keys that it sees. */
  __device__ int within(int keys) const { return (first - begin) % keys; }
};

template <int D>
__device__ void produce(const CUtensorMap* qkv, const ForwardProblem& p, std::byte* memory,
                        typename Forward<D>::Control& c) {
  using F = Forward<D>;
  const bool leader = threadIdx.x % 32 == 0;
  const int together = p.together, rows = F::kGroups / together * kTile, group = p.heads / p.kv_heads;
  sm90::Ring<F::kStages> ring;
  int32_t item = blockIdx.x;
  for (uint32_t round = 0;; ++round) {
    const uint32_t buffer = round % F::kBuffers;
    AttentionTile tile;
    if (item < p.items) tile = p.tiles[item / p.head_blocks];
    const sm90::Work work = {tile.begin, tile.end, tile.first, item % p.head_blocks * together};
    item = sm90::next_item(p.counter);
    sm90::barrier_wait(&c.rows_empty[buffer], round / F::kBuffers % 2 ^ 1);
    if (leader) c.work[round % 2] = work;
    if (work.end == work.begin) {
      if (leader) sm90::barrier_arrive(&c.rows_full[buffer]);
      return;
    }
    if (leader) {
      sm90::barrier_arrive_expect(&c.rows_full[buffer], F::kGroups * F::kQueryBytes);
      for (int g = 0; g < F::kGroups; ++g) {
        sm90::load_rows<D, 1>(memory + (buffer * F::kGroups + g) * F::kQueryBytes, qkv, (work.head + g % together) * D,
                              work.first + g / together * kTile, &c.rows_full[buffer]);
      }
    }
    const int k_column = (p.heads + work.head / group) * D, v_column = k_column + p.kv_heads * D;
    const int tiles = key_tiles<F::kKeys>(work, work.first + rows);
    for (int j = 0; j < tiles; ++j) {
      std::byte* k = memory + F::kKeysAt + ring.stage * 2 * F::kTileBytes;
      const int row = work.begin + j * F::kKeys;
      sm90::barrier_wait(&c.k_empty[ring.stage], ring.phase ^ 1);
      if (leader) {
        sm90::barrier_arrive_expect(&c.k_full[ring.stage], F::kTileBytes);
        sm90::load_rows<D, F::kKeys / kTile>(k, qkv, k_column, row, &c.k_full[ring.stage]);
      }
      sm90::barrier_wait(&c.v_empty[ring.stage], ring.phase ^ 1);
      if (leader) {
        sm90::barrier_arrive_expect(&c.v_full[ring.stage], F::kTileBytes);
        sm90::load_rows<D, F::kKeys / kTile>(k + F::kTileBytes, qkv, v_column, row, &c.v_full[ring.stage]);
      }
      __syncwarp();
      ring.advance();
    }
  }
}

template <int D>
__device__ void attend(const ForwardProblem& p, const std::byte* memory, typename Forward<D>::Control& c) {
  using F = Forward<D>;
  constexpr int kKeys = F::kKeys;
  constexpr float kSlack = 8;  // of the maximum, in powers of two
  const int g = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), lane = threadIdx.x % 32;
  const int local = threadIdx.x / 32 % 4 * 16 + lane / 4, pair = lane % 4 * 2;  // row and column of the first sum
  const float scale2 = p.scale * sm90::kLog2E, slack = kSlack / scale2;
  const std::byte* keys = memory + F::kKeysAt;
  sm90::Ring<F::kStages> ring;
  for (uint32_t round = 0;; ++round) {
    const uint32_t buffer = round % F::kBuffers;
    const sm90::Work& work = c.work[round % 2];
    sm90::barrier_wait(&c.rows_full[buffer], round / F::kBuffers % 2);
    if (work.end == work.begin) return;
    const sm90::Left<D, F::kHeld> q(memory + (buffer * F::kGroups + g) * F::kQueryBytes);
    if (F::kBuffers == 1) sm90::release(&c.rows_empty[buffer]);

    float s[kKeys / 2], out[D / 2] = {}, top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
    uint32_t words[kKeys / 16][4];
    const auto begin_scores = [&] {
      sm90::barrier_wait(&c.k_full[ring.stage], ring.phase);
      sm90::wgmma_fence();
      sm90::scores<kKeys>(s, q, keys + ring.stage * 2 * F::kTileBytes);
      sm90::wgmma_commit();
    };
    // The scores become the probabilities, in `words`.
    const auto soften = [&] {
      float tile_top[2] = {s[0], s[2]};
#pragma unroll
      for (int i = 0; i < kKeys / 2; ++i) tile_top[i / 2 % 2] = fmaxf(tile_top[i / 2 % 2], s[i]);
#pragma unroll
      for (int half = 0; half < 2; ++half) tile_top[half] = sm90::quad_max(tile_top[half]);
      const bool rises = tile_top[0] > top[0] + slack || tile_top[1] > top[1] + slack;
      if (__any_sync(0xffffffffu, rises)) {
        float factor[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float raised = tile_top[half] > top[half] + slack ? tile_top[half] : top[half];
          factor[half] = sm90::exp2_fast((top[half] - raised) * scale2);
          top[half] = raised;
          sum[half] *= factor[half];
        }
#pragma unroll
        for (int i = 0; i < D / 2; ++i) out[i] *= factor[i / 2 % 2];
      }
      const float offset[2] = {top[0] * scale2, top[1] * scale2};
#pragma unroll
      for (int i = 0; i < kKeys / 2; ++i) {
        s[i] = sm90::exp2_fast(s[i] * scale2 - offset[i / 2 % 2]);
        sum[i / 2 % 2] += s[i];
      }
#pragma unroll
      for (int i = 0; i < kKeys / 4; ++i) words[i / 4][i % 4] = sm90::pack_bf16(s[2 * i], s[2 * i + 1]);
      sm90::settle(words), sm90::settle(out);
    };
    const auto begin_values = [&] {
      sm90::barrier_wait(&c.v_full[ring.stage], ring.phase);
      sm90::wgmma_fence();
      sm90::accumulate<kKeys, D>(out, words, keys + (ring.stage * 2 + 1) * F::kTileBytes);
      sm90::wgmma_commit();
    };

    const RowsOfGroup mine(work, p, g);
    int left = mine.first < mine.end ? key_tiles<kKeys>(work, mine.first + kTile) : 0;
    if (left > 0) {
      begin_scores();
      sm90::wgmma_wait<0>();
      sm90::settle(s);
      sm90::release(&c.k_empty[ring.stage]);
      for (; left > 1; --left) {
        soften();
        begin_values();
        const int behind = ring.stage;
        ring.advance();
        begin_scores();
        sm90::wgmma_wait<0>();
        sm90::settle(s), sm90::settle(out), sm90::settle(words);
        sm90::release(&c.v_empty[behind]);
        sm90::release(&c.k_empty[ring.stage]);
      }
      const int row = RowsOfGroup(work, p, g).within(kKeys) + local;  // as a column of the last tile
#pragma unroll
      for (int i = 0; i < kKeys / 2; ++i) {
        if (i / 4 * 8 + pair + i % 2 > row + i / 2 % 2 * 8) s[i] = -INFINITY;
      }
      soften();
      begin_values();
      sm90::wgmma_wait<0>();
      sm90::settle(out), sm90::settle(words);
      sm90::release(&c.v_empty[ring.stage]);
      ring.advance();
    }

    const RowsOfGroup done(work, p, g);
    const int seen = done.first < done.end ? key_tiles<kKeys>(work, done.first + kTile) : 0;
    const int all = key_tiles<kKeys>(work, work.first + F::kGroups / p.together * kTile);
    for (int j = seen; j < all; ++j) {  // keys that only the rows of other warpgroups see
      sm90::barrier_wait(&c.k_full[ring.stage], ring.phase);
      sm90::release(&c.k_empty[ring.stage]);
      sm90::barrier_wait(&c.v_full[ring.stage], ring.phase);
      sm90::release(&c.v_empty[ring.stage]);
      ring.advance();
    }

    if (F::kBuffers == 2) sm90::release(&c.rows_empty[buffer]);
    const int64_t row = done.first + local, stride = static_cast<int64_t>(p.heads) * D;
    const bool there = row < done.end, there8 = row + 8 < done.end;
#pragma unroll
    for (int half = 0; half < 2; ++half) sum[half] = sm90::quad_sum(sum[half]);
    sm90::store_rows<D>(out, 1 / sum[0], 1 / sum[1], p.out + row * stride + done.head * D, stride, there, there8);
    if (pair == 0) {
      if (there) p.lse[row * p.heads + done.head] = top[0] * p.scale + logf(sum[0]);
      if (there8) p.lse[(row + 8) * p.heads + done.head] = top[1] * p.scale + logf(sum[1]);
    }
  }
}

#endif

template <int D>
__global__ __launch_bounds__(Forward<D>::kThreads, 1) void attention_forward_kernel(const __grid_constant__ CUtensorMap qkv,
                                                                                    const ForwardProblem p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using F = Forward<D>;
  extern __shared__ std::byte unaligned[];
  std::byte* memory = unaligned + (1024 - sm90::shared_address(unaligned) % 1024) % 1024;
  auto& c = *reinterpret_cast<typename F::Control*>(memory + F::kControl);
  if (threadIdx.x == 0) {
    for (int i = 0; i < F::kBuffers; ++i) {
      sm90::barrier_init(&c.rows_full[i], 1);
      sm90::barrier_init(&c.rows_empty[i], F::kGroups * 4);
    }
    for (int i = 0; i < F::kStages; ++i) {
      sm90::barrier_init(&c.k_full[i], 1);
      sm90::barrier_init(&c.v_full[i], 1);
      sm90::barrier_init(&c.k_empty[i], F::kGroups * 4);
      sm90::barrier_init(&c.v_empty[i], F::kGroups * 4);
    }
    sm90::barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x >= F::kGroups * 128) {
    sm90::give_registers<24>();
    if (threadIdx.x < F::kGroups * 128 + 32) produce<D>(&qkv, p, memory, c);
  } else {
    sm90::take_registers<F::kRegisters>();
    attend<D>(p, memory, c);
  }
#endif
}

}  // namespace

bool attention_sm90_takes(const CudaTarget& target, const AttentionShape& shape, int64_t first_row) {
  return target.capability == 90 && target.shared_memory >= sm90::kLargestShared && first_row == 0 &&
         (shape.head_dim == 64 || shape.head_dim == 128);
}

namespace {

template <int D>
void launch_forward(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  using F = Forward<D>;
  const AttentionShape& shape = op.shape;
  ForwardProblem p;
  p.together = sm90::heads_together(shape, F::kGroups);
  const int64_t block = F::kGroups / p.together * kTile, limit = attention_tile_limit(op.rows, op.documents, block);
  sm90::ScratchParts parts(scratch);
  p.counter = parts.take<int32_t>(1);
  AttentionTile* tiles = parts.take<AttentionTile>(limit);
  p.tiles = tiles;
  p.heads = static_cast<int32_t>(shape.query_heads);
  p.kv_heads = static_cast<int32_t>(shape.kv_heads);
  p.head_blocks = p.heads / p.together;
  p.items = static_cast<int32_t>(limit) * p.head_blocks;
  p.scale = 1.0f / std::sqrt(static_cast<float>(D));
  p.out = as<__nv_bfloat16>(op.out);
  p.lse = op.lse;
  check_cuda(cudaMemsetAsync(p.counter, 0, sizeof(int32_t), target.stream), "clearing attention's counter");
  list_attention_tiles(target, op.documents, op.starts, 0, block, limit, tiles);
  const CUtensorMap qkv = tensor_map(op.qkv, op.rows, shape.row_width(), shape.row_width(), kTile);
  sm90::allow_shared(attention_forward_kernel<D>, F::kShared, "preparing attention");
  const int blocks = std::min(target.multiprocessors, p.items);
  attention_forward_kernel<D><<<blocks, F::kThreads, F::kShared, target.stream>>>(qkv, p);
  check_launch("computing attention");
}

}  // namespace

void attention_forward_sm90(const CudaTarget& target, const AttentionForward& op, void* scratch) {
  if (op.rows == 0) return;
  if (op.shape.head_dim == 64) {
    launch_forward<64>(target, op, scratch);
  } else {
    launch_forward<128>(target, op, scratch);
  }
}

}  // namespace tunesmith
