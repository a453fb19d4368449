/**
 * d = a·b + a2·b2 + c in bfloat16 on Hopper, accumulated in float32; optionally silu(left half)·right half beside it, or
 * the product sent backward through silu(gate)·up.
 *   a [m, k], a2 [m, k2]; b [n, k] ("transposed") or [k, n]; c, d [m, n]
 * FLOP: 2·m·n·(k + k2), the floor at about 700 TFLOP/s on an H100; bytes from memory: each operand about once.
 *
 * A block computes 128 × 256 (or 128) of d: two warpgroups of 64 rows each issue wgmma, a third asks the copy engine for
 * slices of 64 along k, four ahead (five with 128 columns). Blocks come in clusters of two, one below the other: they share b's slice, of which
 * each fetches one half for both. Blocks are persistent: the producer goes on with the next tile while the others write
 * the last one, and the two warpgroups may drift apart, so that one computes while the other writes.
 *
 * Writing must be quick, because the warpgroups share their slices and drift by four at most. With b [n, k] the copy engine
 * permutes b's rows on their way into shared memory (tensor_map_permuted), so that a thread's sums are eight neighbouring
 * columns: it stores 16 bytes at once, and loads a residual so while the products run. With b [k, n], which cannot be
 * permuted, d goes through shared memory and the copy engine.
 *
 * Limits: compute capability 9.0; 16-byte aligned pointers, leading dimensions multiples of 8; n a multiple of 8, with
 * b [n, k] of 32 (64 with SwiGLU); any m. Same bits each time: no split along k.
 */
#include <cuda_fp16.h>

#include "cuda/check.h"
#include "cuda/gemm.h"
#include "cuda/sm90.cuh"
#include "cuda/tensor_map.h"

namespace tunesmith {

namespace {

constexpr int kRows = 128;      // of a tile
constexpr int kSlice = 64;      // along k: 128 bytes, one swizzle row
constexpr int kCluster = 2;
constexpr int kThreads = 384;   // the producer's warpgroup, then two that compute
constexpr int kBox = 64;        // columns of d that leave at once
constexpr int kBoxBytes = 64 * kBox * 2;

template <int Columns>
struct Stage {
  static constexpr int kA = kRows * kSlice * 2, kB = Columns * kSlice * 2, kBytes = kA + kB;
  static constexpr int kCount = Columns == 256 ? 4 : 5;
  static constexpr int kOutput = 2 * 2 * kBoxBytes;  // two boxes a warpgroup
  static constexpr int kShared = 1024 + kCount * kBytes + kOutput + 2 * kCount * 8;
};

/** What is done with the sums. All but the last two want b [n, k]. */
enum class Epilogue { plain, half, residual, swiglu, plain_of_kn, swiglu_backward_of_kn };
__host__ __device__ constexpr bool takes_nk(Epilogue e) { return e < Epilogue::plain_of_kn; }

struct Problem {
  int32_t m, n, slices, slices2, last_steps;   // k16 steps of the very last slice
  int32_t row_pairs, column_tiles;             // tiles of 256 rows × Columns
  int32_t up_offset;                           // SwiGLU: first column of the right half
  const __nv_bfloat16* c;
  __nv_bfloat16 *d, *swiglu, *gate_up;
  int64_t ldd;
};

struct Maps {
  CUtensorMap a, b, a2, b2, d;
};

struct TileAt {
  int32_t row, column;  // of d; SwiGLU: the column within the left half
};

/** Groups of eight pairs of row tiles go through all columns together: what they share stays in L2. */
template <int TileColumns>
__device__ TileAt tile_at(const Problem& p, int32_t index, uint32_t rank) {
  constexpr int kGroup = 8;
  const int32_t per_group = kGroup * p.column_tiles, group = index / per_group, first = group * kGroup;
  const int32_t height = min(p.row_pairs - first, kGroup), inside = index - group * per_group;
  return {((first + inside % height) * kCluster + static_cast<int32_t>(rank)) * kRows, inside / height * TileColumns};
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

template <int Columns, Epilogue kEpilogue>
__device__ void produce(const Maps& maps, const Problem& p, std::byte* stages, uint64_t* full, uint64_t* empty, uint32_t rank) {
  using S = Stage<Columns>;
  constexpr bool TransposedB = takes_nk(kEpilogue), Swiglu = kEpilogue == Epilogue::swiglu;
  constexpr int kTileColumns = Swiglu ? Columns / 2 : Columns;
  constexpr uint16_t kBoth = (1 << kCluster) - 1;
  const int32_t tiles = p.row_pairs * p.column_tiles;
  int stage = 0;
  uint32_t phase = 0;
  for (int32_t index = blockIdx.x / kCluster; index < tiles; index += gridDim.x / kCluster) {
    const TileAt at = tile_at<kTileColumns>(p, index, rank);
    for (int32_t slice = 0; slice < p.slices + p.slices2; ++slice) {
      const bool second = slice >= p.slices;
      const CUtensorMap *a = second ? &maps.a2 : &maps.a, *b = second ? &maps.b2 : &maps.b;
      const int32_t k = (second ? slice - p.slices : slice) * kSlice;
      sm90::barrier_wait(&empty[stage], phase ^ 1);
      sm90::barrier_arrive_expect(&full[stage], S::kBytes);
      std::byte *to_a = stages + stage * S::kBytes, *to_b = to_a + S::kA;
      sm90::tma_load(to_a, a, k, at.row, &full[stage]);
      if constexpr (TransposedB) {
        constexpr int kHalf = Columns / 2;
        const int32_t row = Swiglu ? (rank == 0 ? at.column : p.up_offset + at.column)
                                   : at.column + static_cast<int32_t>(rank) * kHalf;
        sm90::tma_load_permuted_multicast(to_b + rank * (S::kB / 2), b, k, row / 32, &full[stage], kBoth);
      } else {
        constexpr int kBoxes = Columns / 64 / kCluster;
        for (int i = 0; i < kBoxes; ++i) {
          const int32_t box = static_cast<int32_t>(rank) * kBoxes + i;
          sm90::tma_load_multicast(to_b + box * 64 * kSlice * 2, b, at.column + box * 64, k, &full[stage], kBoth);
        }
      }
      if (++stage == S::kCount) stage = 0, phase ^= 1;
    }
  }
}

__device__ inline uint32_t pack(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}
__device__ inline uint32_t pack_half(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}
__device__ inline float2 unpack(uint32_t both) {
  return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(&both));
}

/** Sends 64 rows × 64 columns, in registers as wgmma leaves them, on their way. The boxes alternate between two buffers. */
struct BoxWriter {
  std::byte* buffers;
  int warpgroup, thread, next = 0;

  __device__ void write(const CUtensorMap* map, int32_t column, int32_t row, const uint32_t (&values)[8][2]) {
    std::byte* box = buffers + next * kBoxBytes;
    next ^= 1;
    if (thread == 0) sm90::tma_store_wait_read<1>();  // the store that last used this buffer
    sm90::named_barrier(1 + warpgroup, 128);
    const int lane = thread % 32, in_box = thread / 32 * 16 + lane % 16;
    const uint32_t line = sm90::shared_address(box) + in_box * 128;
#pragma unroll
    for (int j = 0; j < 8; j += 2) {
      const uint32_t to = line + (((j + lane / 16) ^ (in_box % 8)) * 16);
      asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(values[j][0]),
                   "r"(values[j][1]), "r"(values[j + 1][0]), "r"(values[j + 1][1])
                   : "memory");
    }
    sm90::fence_async_proxy();
    sm90::named_barrier(1 + warpgroup, 128);
    if (thread == 0) {
      sm90::tma_store(map, column, row, box);
      sm90::tma_store_commit();
    }
  }
};

__device__ inline float silu(float x) { return __fdividef(x, 1.0f + __expf(-x)); }
__device__ inline uint32_t gated(uint32_t gates, uint32_t ups) {
  const float2 gate = unpack(gates), up = unpack(ups);
  return pack(silu(gate.x) * up.x, silu(gate.y) * up.y);
}

/** The eight neighbouring columns of a thread in a block of 32, of the upper or lower of its rows. */
template <bool Add, bool Half = false, int Count>
__device__ inline uint4 packed(const float (&sum)[Count], int block, int half, const uint4& residual) {
  const uint32_t add[4] = {residual.x, residual.y, residual.z, residual.w};
  uint32_t out[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const int i = (block * 4 + j) * 4 + half * 2;
    const float2 more = Add ? unpack(add[j]) : make_float2(0, 0);
    if constexpr (Half) {
      out[j] = pack_half(sum[i], sum[i + 1]);
    } else {
      out[j] = Add ? pack(sum[i] + more.x, sum[i + 1] + more.y) : pack(sum[i], sum[i + 1]);
    }
  }
  return {out[0], out[1], out[2], out[3]};
}

/** Turns four registers of a thread, of two neighbouring columns each, eight columns apart, into the eight neighbouring
    columns that its quad's four threads hold of one of them. */
__device__ inline uint4 gather_columns(const uint32_t (&held)[4]) {
  uint32_t r[4] = {held[0], held[1], held[2], held[3]};
  const bool odd = threadIdx.x % 2 != 0, high = threadIdx.x % 4 >= 2;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t other = __shfl_xor_sync(0xffffffffu, odd ? r[i] : r[i + 1], 1);
    (odd ? r[i] : r[i + 1]) = other;
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const uint32_t other = __shfl_xor_sync(0xffffffffu, high ? r[i] : r[i + 2], 2);
    (high ? r[i] : r[i + 2]) = other;
  }
  return {r[0], r[1], r[2], r[3]};
}

/** Of two elements: dy = d(silu(gate)·up) becomes silu(gate)·up, gate and up their gradients. */
__device__ inline void swiglu_backward(uint32_t& dys, uint32_t& gates, uint32_t& ups) {
  const float2 dy = unpack(dys), gate = unpack(gates), up = unpack(ups);
  float2 active, d_gate, d_up;
  const auto one = [](float dy, float gate, float up, float& active, float& d_gate, float& d_up) {
    const float sigmoid = __fdividef(1.0f, 1.0f + __expf(-gate)), silu = gate * sigmoid;
    active = silu * up, d_up = dy * silu;
    d_gate = dy * up * (sigmoid + silu * (1.0f - sigmoid));
  };
  one(dy.x, gate.x, up.x, active.x, d_gate.x, d_up.x);
  one(dy.y, gate.y, up.y, active.y, d_gate.y, d_up.y);
  dys = pack(active.x, active.y), gates = pack(d_gate.x, d_gate.y), ups = pack(d_up.x, d_up.y);
}

template <int Columns, Epilogue kEpilogue>
__device__ void compute(const Maps& maps, const Problem& p, std::byte* stages, std::byte* output, uint64_t* full,
                        uint64_t* empty, uint32_t rank) {
  using S = Stage<Columns>;
  constexpr bool TransposedB = takes_nk(kEpilogue), Swiglu = kEpilogue == Epilogue::swiglu;
  constexpr bool Residual = kEpilogue == Epilogue::residual;
  constexpr int kTileColumns = Swiglu ? Columns / 2 : Columns;
  const int warpgroup = threadIdx.x / 128 - 1, thread = threadIdx.x % 128;
  const int row_in_tile = warpgroup * 64 + thread / 32 * 16 + thread % 32 / 4, column_in_block = thread % 4 * 8;
  const int32_t tiles = p.row_pairs * p.column_tiles;
  BoxWriter writer{output + warpgroup * 2 * kBoxBytes, warpgroup, thread};
  int stage = 0;
  uint32_t phase = 0;
  float sum[Columns / 2];
  uint4 residual[Residual ? Columns / 32 : 1][2];

  const auto release = [&](int which) {
    if (thread < kCluster) sm90::barrier_arrive_at(&empty[which], thread);
  };
  for (int32_t index = blockIdx.x / kCluster; index < tiles; index += gridDim.x / kCluster) {
    const TileAt at = tile_at<kTileColumns>(p, index, rank);
    if constexpr (Residual) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int32_t row = at.row + row_in_tile + half * 8;
#pragma unroll
        for (int block = 0; block < Columns / 32; ++block) {
          const int32_t column = at.column + block * 32 + column_in_block;
          uint4& to = residual[block][half];
          to = {};
          if (row < p.m && column < p.n) {
            asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(to.x), "=r"(to.y), "=r"(to.z), "=r"(to.w)
                         : "l"(p.c + row * p.ldd + column));
          }
        }
      }
    }
#pragma unroll
    for (float& x : sum) x = 0;
    int previous = -1;
    const auto multiply_slice = [&](const auto& each_step) {
      sm90::barrier_wait(&full[stage], phase);
      const std::byte *from_a = stages + stage * S::kBytes + warpgroup * 64 * kSlice * 2;
      const std::byte *from_b = stages + stage * S::kBytes + S::kA;
      sm90::wgmma_fence();
      each_step([&](int i) {
        const uint64_t a = sm90::operand(from_a + i * 32);
        const uint64_t b = TransposedB ? sm90::operand(from_b + i * 32) : sm90::operand(from_b + i * 2048, 64 * kSlice * 2);
        sm90::wgmma_k16<TransposedB ? 0 : 1, Columns>(sum, a, b);
      });
      sm90::wgmma_commit();
      // What was issued before is done once only the newest is pending: its stage may be filled again.
      sm90::wgmma_wait<1>();
      if (previous >= 0) release(previous);
      previous = stage;
      if (++stage == S::kCount) stage = 0, phase ^= 1;
    };
    for (int32_t slice = p.slices + p.slices2 - 1; slice > 0; --slice) {
      multiply_slice([](const auto& step) {
#pragma unroll
        for (int i = 0; i < kSlice / 16; ++i) step(i);
      });
    }
    // An adapter of low rank fills its slice only in part.
    multiply_slice([&](const auto& step) {
      step(0);
      if (p.last_steps > 1) step(1);
      if (p.last_steps > 2) step(2);
      if (p.last_steps > 3) step(3);
    });
    sm90::wgmma_wait<0>();
    sm90::settle(sum);
    release(previous);

    if constexpr (TransposedB) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int32_t row = at.row + row_in_tile + half * 8;
        if (row >= p.m) continue;
        __nv_bfloat16* to = p.d + row * p.ldd;
        constexpr int kBlocks = kTileColumns / 32;
#pragma unroll
        for (int block = 0; block < kBlocks; ++block) {
          const int32_t column = at.column + block * 32 + column_in_block;
          if constexpr (Swiglu) {
            if (column >= p.up_offset) break;
            // Rounded first: what the backward reads is what the forward used.
            const uint4 gate = packed<false>(sum, block, half, {}), up = packed<false>(sum, block + kBlocks, half, {});
            *reinterpret_cast<uint4*>(to + column) = gate;
            *reinterpret_cast<uint4*>(to + p.up_offset + column) = up;
            *reinterpret_cast<uint4*>(p.swiglu + static_cast<int64_t>(row) * p.up_offset + column) = {
                gated(gate.x, up.x), gated(gate.y, up.y), gated(gate.z, up.z), gated(gate.w, up.w)};
          } else {
            if (column >= p.n) break;
            *reinterpret_cast<uint4*>(to + column) =
                packed<Residual, kEpilogue == Epilogue::half>(sum, block, half, residual[Residual ? block : 0][half]);
          }
        }
      }
    } else if constexpr (kEpilogue == Epilogue::swiglu_backward_of_kn) {
#pragma unroll
      for (int block = 0; block < Columns / 32; ++block) {
        const int32_t column = at.column + block * 32 + column_in_block;
        uint4 dy[2], gate[2], up[2];
        bool inside[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int32_t row = at.row + row_in_tile + half * 8;
          inside[half] = row < p.m && column < p.n;
          if (inside[half]) {
            const __nv_bfloat16* from = p.gate_up + static_cast<int64_t>(row) * 2 * p.n + column;
            gate[half] = *reinterpret_cast<const uint4*>(from), up[half] = *reinterpret_cast<const uint4*>(from + p.n);
          }
          uint32_t held[4];
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            const int i = (block * 4 + j) * 4 + half * 2;
            held[j] = pack(sum[i], sum[i + 1]);
          }
          dy[half] = gather_columns(held);
        }
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          if (!inside[half]) continue;
          const int32_t row = at.row + row_in_tile + half * 8;
          swiglu_backward(dy[half].x, gate[half].x, up[half].x), swiglu_backward(dy[half].y, gate[half].y, up[half].y);
          swiglu_backward(dy[half].z, gate[half].z, up[half].z), swiglu_backward(dy[half].w, gate[half].w, up[half].w);
          __nv_bfloat16* to = p.gate_up + static_cast<int64_t>(row) * 2 * p.n + column;
          *reinterpret_cast<uint4*>(to) = gate[half], *reinterpret_cast<uint4*>(to + p.n) = up[half];
          *reinterpret_cast<uint4*>(p.d + row * p.ldd + column) = dy[half];
        }
      }
    } else {
      const int32_t row = at.row + warpgroup * 64;
#pragma unroll
      for (int box = 0; box < Columns / kBox; ++box) {
        uint32_t values[8][2];
#pragma unroll
        for (int j = 0; j < 8; ++j) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int i = (box * 8 + j) * 4 + half * 2;
            values[j][half] = pack(sum[i], sum[i + 1]);
          }
        }
        writer.write(&maps.d, at.column + box * kBox, row, values);
      }
    }
  }
  if (kEpilogue == Epilogue::plain_of_kn && thread == 0) sm90::tma_store_wait<0>();
}

#endif

template <int Columns, Epilogue kEpilogue>
__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads, 1)
    multiply(const __grid_constant__ Maps maps, const Problem p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using S = Stage<Columns>;
  extern __shared__ std::byte shared[];
  std::byte* stages = shared + (1024 - sm90::shared_address(shared) % 1024) % 1024;
  std::byte* output = stages + S::kCount * S::kBytes;
  uint64_t* full = reinterpret_cast<uint64_t*>(output + S::kOutput);
  uint64_t* empty = full + S::kCount;
  const uint32_t rank = sm90::cluster_rank();
  if (threadIdx.x == 0) {
    for (int i = 0; i < S::kCount; ++i) {
      sm90::barrier_init(&full[i], 1);
      sm90::barrier_init(&empty[i], 2 * kCluster);  // both warpgroups of both blocks
    }
    sm90::barrier_init_fence();
  }
  sm90::cluster_sync();
  if (threadIdx.x < 128) {
    sm90::give_registers<40>();
    if (threadIdx.x == 0) produce<Columns, kEpilogue>(maps, p, stages, full, empty, rank);
  } else {
    sm90::take_registers<232>();
    compute<Columns, kEpilogue>(maps, p, stages, output, full, empty, rank);
  }
  __syncwarp();
  sm90::cluster_sync();  // the other block may still write to this one's memory
#endif
}

template <int Columns, Epilogue kEpilogue>
void launch(const CudaTarget& target, const Gemm<__nv_bfloat16>& g) {
  constexpr bool TransposedB = takes_nk(kEpilogue), Swiglu = kEpilogue == Epilogue::swiglu;
  constexpr int kTileColumns = Swiglu ? Columns / 2 : Columns;
  const int64_t wide = Swiglu ? g.n / 2 : g.n;
  Problem p{};
  p.m = static_cast<int32_t>(g.m), p.n = static_cast<int32_t>(g.n);
  p.slices = static_cast<int32_t>((g.k + kSlice - 1) / kSlice), p.slices2 = static_cast<int32_t>((g.k2 + kSlice - 1) / kSlice);
  const int64_t rest = (g.k2 > 0 ? g.k2 : g.k) % kSlice;
  p.last_steps = static_cast<int32_t>(rest == 0 ? kSlice / 16 : (rest + 15) / 16);
  p.row_pairs = static_cast<int32_t>((g.m + kCluster * kRows - 1) / (kCluster * kRows));
  p.column_tiles = static_cast<int32_t>((wide + kTileColumns - 1) / kTileColumns);
  p.up_offset = static_cast<int32_t>(wide);
  p.c = g.c, p.d = g.d, p.swiglu = g.swiglu, p.gate_up = g.gate_up, p.ldd = g.ldd;

  Maps maps;
  maps.a = tensor_map(g.a, g.m, g.k, g.lda, kRows);
  maps.d = TransposedB ? maps.a : tensor_map(g.d, g.m, g.n, g.ldd, 64);
  const auto map_b = [&](const __nv_bfloat16* b, int64_t k, int64_t ld) {
    return TransposedB ? tensor_map_permuted(b, g.n, k, ld, Columns / 2) : tensor_map(b, k, g.n, ld, kSlice);
  };
  maps.b = map_b(g.b, g.k, g.ldb);
  maps.a2 = g.k2 > 0 ? tensor_map(g.a2, g.m, g.k2, g.lda2, kRows) : maps.a;
  maps.b2 = g.k2 > 0 ? map_b(g.b2, g.k2, g.ldb2) : maps.b;

  const auto kernel = multiply<Columns, kEpilogue>;
  constexpr int kShared = Stage<Columns>::kShared;
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "preparing a product");
  const int clusters = std::min(target.multiprocessors / kCluster, p.row_pairs * p.column_tiles);
  kernel<<<clusters * kCluster, kThreads, kShared, target.stream>>>(maps, p);
  check_launch("computing a product");
}

template <int Columns>
void launch(const CudaTarget& target, const Gemm<__nv_bfloat16>& g) {
  if (g.swiglu != nullptr) return launch<Columns, Epilogue::swiglu>(target, g);
  if (g.gate_up != nullptr) return launch<Columns, Epilogue::swiglu_backward_of_kn>(target, g);
  if (g.half_d) return launch<Columns, Epilogue::half>(target, g);
  if (!g.b_transposed) return launch<Columns, Epilogue::plain_of_kn>(target, g);
  g.c != nullptr ? launch<Columns, Epilogue::residual>(target, g) : launch<Columns, Epilogue::plain>(target, g);
}

/** Rounds of the whole machine that the tiles take, in units of 128 columns' time. */
int64_t cost(const CudaTarget& target, const Gemm<__nv_bfloat16>& g, int columns) {
  const int64_t pairs = (g.m + kCluster * kRows - 1) / (kCluster * kRows) * ((g.n + columns - 1) / columns);
  const int64_t clusters = target.multiprocessors / kCluster;
  // A tile of 256 columns is done in less than twice the time of one of 128.
  return (pairs + clusters - 1) / clusters * (columns == 256 ? 9 : 5);
}

bool aligned(const void* p, int64_t stride) { return reinterpret_cast<uintptr_t>(p) % 16 == 0 && stride % 8 == 0; }

}  // namespace

bool gemm_sm90_takes(const CudaTarget& target, const Gemm<__nv_bfloat16>& g) {
  if (target.capability != 90 || g.m < 1 || g.n < 8 || g.k < 8) return false;
  if (!aligned(g.a, g.lda) || !aligned(g.b, g.ldb) || !aligned(g.d, g.ldd)) return false;
  if (g.k2 > 0 && (!aligned(g.a2, g.lda2) || !aligned(g.b2, g.ldb2))) return false;
  // The copy engine writes whole 16 bytes; what a thread writes are whole eights, too.
  if (!g.b_transposed && g.n % 8 != 0) return false;
  if (g.half_d && (!g.b_transposed || g.c != nullptr || g.swiglu != nullptr)) return false;
  if (g.b_transposed && g.n % (g.swiglu != nullptr ? 64 : 32) != 0) return false;
  if (g.c != nullptr && (!g.b_transposed || !aligned(g.c, g.ldd))) return false;
  if (g.swiglu != nullptr && (!g.b_transposed || g.c != nullptr || !aligned(g.swiglu, g.n / 2))) return false;
  if (g.gate_up != nullptr && (g.b_transposed || g.c != nullptr || !aligned(g.gate_up, 2 * g.n))) return false;
  return g.m < INT32_MAX / 2 && g.n < INT32_MAX / 2;
}

void gemm_sm90(const CudaTarget& target, const Gemm<__nv_bfloat16>& g) {
  if (cost(target, g, 256) <= cost(target, g, 128)) {
    launch<256>(target, g);
  } else {
    launch<128>(target, g);
  }
}

}  // namespace tunesmith
