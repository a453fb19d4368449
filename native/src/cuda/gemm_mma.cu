/**
 * gemm_mma: d = a·b + a2·b2 + c in bfloat16 on the tensor cores' mma.sync m16n8k16, float32 accumulators, one rounding.
 *   a [m, k], a2 [m, k2]; b [n, k] or [k, n], b2 alike; c, d [m, n]; row-major with leading dimensions.
 * 2·m·n·(k + k2) FLOPs; bytes: every operand at least once, 2·((m + n)·(k + k2) + m·n) and 2·m·n more with c.
 *
 * A block computes one tile of d. Tiles of a and b travel through a ring of kStages buffers in shared memory by cp.async;
 * their 16-byte chunks are permuted so that neither the copies nor ldmatrix meet a bank conflict. The second pair is more
 * steps of the same ring. Fragments are read one k16 ahead of the multiplications that use them. The result leaves by the
 * registers: four lanes exchange their columns so that each stores 16 bytes.
 *
 * Limits: m, n, k, k2 below 2^31, at most 2^31 - 1 tiles. Pointers that are not 16-byte aligned and leading dimensions that
 * are no multiples of 8 take a path that gathers element by element. The sum over k runs in one fixed order for a shape.
 */
#include <algorithm>

#include <cuda_fp16.h>

#include "cuda/check.h"
#include "cuda/gemm.h"

namespace tunesmith {

namespace {

using bf16 = __nv_bfloat16;

constexpr int kChunk = 8;    // elements of a 16-byte chunk
constexpr int kTileGroup = 16;  // tile rows that share each tile column of b while it is in L2

struct Arguments {
  const bf16 *a, *b, *a2, *b2, *c;
  bf16* d;
  int64_t lda, ldb, lda2, ldb2, ldd;
  int m, n, k, k2;
  int tiles_m, tiles_n;
  bool wide_rows;  // rows of c and d are 16-byte aligned
  bool half_d;
};

/** A block's tile (kRows × kColumns, kDepth of k a step) and the warps that share it: kWarpsM × kWarpsN over the tile, times
    kSlices that each take their part of every step's k and are summed at the end. */
template <int kRows_, int kColumns_, int kDepth_, int kWarpsM_, int kWarpsN_, int kSlices_, int kStages_, int kBlocks_>
struct Tiling {
  static constexpr int kRows = kRows_, kColumns = kColumns_, kDepth = kDepth_;
  static constexpr int kWarpsM = kWarpsM_, kWarpsN = kWarpsN_, kSlices = kSlices_;
  static constexpr int kStages = kStages_, kBlocks = kBlocks_;
  static constexpr int kThreads = 32 * kWarpsM * kWarpsN * kSlices;
  static constexpr int kWarpRows = kRows / kWarpsM, kWarpColumns = kColumns / kWarpsN;
  static constexpr int kM16 = kWarpRows / 16, kN8 = kWarpColumns / 8, kK16 = kDepth / 16 / kSlices;
  static constexpr int kBytesA = kRows * kDepth * 2, kBytesB = kColumns * kDepth * 2, kBytes = kBytesA + kBytesB;
  static constexpr int kSharedMemory = kStages * kBytes;
  static_assert(kN8 % 4 == 0 && kK16 % 2 == 0, "the epilogue takes 4 n8 tiles at once, the fragments alternate");
  static_assert((kSlices - 1) * kRows * kColumns * 4 <= kSharedMemory);
};
// One block a multiprocessor, the fewest bytes a multiplication; fits the 99 KiB of compute capability 8.6, 8.9 and 12.0.
using Large = Tiling<128, 256, 32, 2, 4, 1, 4, 1>;
// Two blocks a multiprocessor: one multiplies while the other starts or ends.
using Medium = Tiling<128, 128, 32, 2, 2, 1, 3, 2>;
using Small = Tiling<64, 64, 64, 2, 2, 1, 3, 3>;
// Generation: a few rows against a whole matrix, bound by reading it; many blocks with many bytes in flight.
using Skinny = Tiling<32, 32, 128, 1, 1, 4, 4, 2>;

/** What the chunks of a row are permuted with (by exclusive or): eight consecutive rows of one chunk column fall into
    distinct groups of banks. Rows that differ by a multiple of 8 agree. */
template <int kChunks>
__device__ __forceinline__ int chunk_key(int row) {
  static_assert(kChunks == 4 || kChunks % 8 == 0);
  return kChunks == 4 ? (row >> 1) & 3 : row & 7;
}
template <int kChunks>
__device__ __forceinline__ uint32_t chunk_offset(int row, int chunk) {
  return static_cast<uint32_t>(row * kChunks + (chunk ^ chunk_key<kChunks>(row))) * 16;
}

/** 16 bytes to shared memory: the first `bytes` of `from` (which is not touched for 0), zeros behind them. */
__device__ __forceinline__ void copy_async(uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
               "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

template <bool kTranspose>
__device__ __forceinline__ void load_matrices(uint32_t (&r)[4], uint32_t address) {
  if constexpr (kTranspose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  }
}

__device__ __forceinline__ void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ uint32_t element_bits(const bf16* p) { return *reinterpret_cast<const uint16_t*>(p); }

/** A thread's share of filling one operand's tile of kRows rows of kChunks chunks. */
template <int kRows, int kChunks, int kThreads, bool kAligned>
struct TileLoader {
  static constexpr int kRowsPerPass = kThreads / kChunks, kPasses = kRows / kRowsPerPass;
  static_assert(kRowsPerPass % 8 == 0 && kRows % kRowsPerPass == 0);
  int row, column;
  uint32_t offset;

  __device__ explicit TileLoader(int thread)
      : row(thread / kChunks), column(thread % kChunks * kChunk), offset(chunk_offset<kChunks>(row, thread % kChunks)) {}

  /** `from`: this thread's element of the first pass. What lies beyond the rows and columns left becomes zero. */
  __device__ __forceinline__ void load(uint32_t tile, const bf16* from, int64_t stride, int rows_left,
                                       int columns_left) const {
    const int count = min(max(columns_left - column, 0), kChunk);
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const uint32_t to = tile + offset + pass * kRowsPerPass * kChunks * 16;
      const bf16* p = from + pass * kRowsPerPass * stride;
      const int valid = row + pass * kRowsPerPass < rows_left ? count : 0;
      if constexpr (kAligned) {
        copy_async(to, p, valid * 2);
      } else {
        uint32_t word[kChunk / 2];
#pragma unroll
        for (int i = 0; i < kChunk / 2; ++i) {
          const uint32_t low = 2 * i < valid ? element_bits(p + 2 * i) : 0;
          const uint32_t high = 2 * i + 1 < valid ? element_bits(p + 2 * i + 1) : 0;
          word[i] = low | high << 16;
        }
        asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(word[0]), "r"(word[1]), "r"(word[2]),
                     "r"(word[3])
                     : "memory");
      }
    }
  }
};

/** The 4×4 words of four neighbouring lanes transposed: afterwards word p of lane q is what word q of lane p was. */
__device__ __forceinline__ void transpose_quad(uint32_t (&word)[4], int lane) {
#pragma unroll
  for (int distance = 1; distance <= 2; distance *= 2) {
    const bool upper = lane & distance;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i & distance) continue;
      const uint32_t received = __shfl_xor_sync(0xffffffffu, upper ? word[i] : word[i + distance], distance);
      if (upper) {
        word[i] = received;
      } else {
        word[i + distance] = received;
      }
    }
  }
}

/** Eight elements of a row, of which `valid` exist. */
__device__ __forceinline__ void load_chunk(uint32_t (&word)[4], const bf16* p, int valid, bool wide) {
  if (wide && valid == kChunk) {
    const uint4 v = *reinterpret_cast<const uint4*>(p);
    word[0] = v.x, word[1] = v.y, word[2] = v.z, word[3] = v.w;
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint32_t low = 2 * i < valid ? element_bits(p + 2 * i) : 0;
    const uint32_t high = 2 * i + 1 < valid ? element_bits(p + 2 * i + 1) : 0;
    word[i] = low | high << 16;
  }
}
template <class Pair>
__device__ __forceinline__ uint32_t pair_bits(const Pair& pair) {
  return *reinterpret_cast<const uint32_t*>(&pair);
}

__device__ __forceinline__ void store_chunk(bf16* p, const uint32_t (&word)[4], int valid, bool wide) {
  if (wide && valid == kChunk) {
    *reinterpret_cast<uint4*>(p) = make_uint4(word[0], word[1], word[2], word[3]);
    return;
  }
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    if (i < valid) reinterpret_cast<uint16_t*>(p)[i] = static_cast<uint16_t>(word[i / 2] >> (i % 2 * 16));
  }
}

/** Adds c, rounds and stores a warp's part of the tile, whose first element is (row, column) of d. */
template <int kM16, int kN8>
__device__ __forceinline__ void store_result(const Arguments& p, const float (&sum)[kM16][kN8][4], int row, int column,
                                             int lane) {
#pragma unroll
  for (int i = 0; i < kM16; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int y = row + i * 16 + half * 8 + lane / 4;
#pragma unroll
      for (int j = 0; j < kN8; j += 4) {
        // A lane holds two columns of each of the four n8 tiles; exchanged, the eight of the lane % 4-th.
        const int x = column + j * 8 + lane % 4 * kChunk;
        const int valid = y < p.m ? min(max(p.n - x, 0), kChunk) : 0;
        const int64_t at = y * p.ldd + x;
        uint32_t word[4] = {0, 0, 0, 0};
        if (p.c) {
          load_chunk(word, p.c + at, valid, p.wide_rows);
          transpose_quad(word, lane);
        }
#pragma unroll
        for (int t = 0; t < 4; ++t) {
          const float low = sum[i][j + t][2 * half] + __uint_as_float(word[t] << 16);
          const float high = sum[i][j + t][2 * half + 1] + __uint_as_float(word[t] & 0xffff0000u);
          word[t] = p.half_d ? pair_bits(__floats2half2_rn(low, high)) : pair_bits(__floats2bfloat162_rn(low, high));
        }
        transpose_quad(word, lane);
        store_chunk(p.d + at, word, valid, p.wide_rows);
      }
    }
  }
}

template <class T, bool kTransposed, bool kAligned>
__global__ void __launch_bounds__(T::kThreads, T::kBlocks) multiply(const __grid_constant__ Arguments p) {
  extern __shared__ __align__(128) unsigned char shared[];
  const uint32_t ring = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int slice = warp / (T::kWarpsM * T::kWarpsN);
  const int warp_row = warp % T::kWarpsM * T::kWarpRows;
  const int warp_column = warp / T::kWarpsM % T::kWarpsN * T::kWarpColumns;

  // Blocks that run together share a few rows of tiles, so that what they read is in L2 once.
  const int group = static_cast<int>(blockIdx.x / (static_cast<unsigned>(kTileGroup) * p.tiles_n));
  const int within = static_cast<int>(blockIdx.x % (static_cast<unsigned>(kTileGroup) * p.tiles_n));
  const int group_rows = min(kTileGroup, p.tiles_m - group * kTileGroup);
  const int first_row = (group * kTileGroup + within % group_rows) * T::kRows;
  const int first_column = within / group_rows * T::kColumns;

  // Copies: `step` counts through the first pair's k, then the second's.
  constexpr int kChunksA = T::kDepth / kChunk, kChunksB = (kTransposed ? T::kDepth : T::kColumns) / kChunk;
  const TileLoader<T::kRows, kChunksA, T::kThreads, kAligned> loader_a(thread);
  const TileLoader<kTransposed ? T::kColumns : T::kDepth, kChunksB, T::kThreads, kAligned> loader_b(thread);
  const int first_steps = (p.k + T::kDepth - 1) / T::kDepth;
  const int steps = first_steps + (p.k2 + T::kDepth - 1) / T::kDepth;
  const auto start_a = [&](const bf16* a, int64_t stride) {
    return a + (first_row + loader_a.row) * stride + loader_a.column;
  };
  const auto start_b = [&](const bf16* b, int64_t stride) {
    return kTransposed ? b + (first_column + loader_b.row) * stride + loader_b.column
                       : b + loader_b.row * stride + first_column + loader_b.column;
  };
  int64_t lda = p.lda, ldb = p.ldb;
  const bf16 *a = start_a(p.a, lda), *b = start_b(p.b, ldb);
  int depth_left = p.k;
  const auto copy_step = [&](int step, uint32_t stage) {
    if (step < steps) {
      if (step == first_steps) {
        lda = p.lda2, ldb = p.ldb2;
        a = start_a(p.a2, lda), b = start_b(p.b2, ldb);
        depth_left = p.k2;
      }
      loader_a.load(stage, a, lda, p.m - first_row, depth_left);
      if constexpr (kTransposed) {
        loader_b.load(stage + T::kBytesA, b, ldb, p.n - first_column, depth_left);
        b += T::kDepth;
      } else {
        loader_b.load(stage + T::kBytesA, b, ldb, depth_left, p.n - first_column);
        b += T::kDepth * ldb;
      }
      a += T::kDepth;
      depth_left -= T::kDepth;
    }
    commit_copies();  // an empty group, too: they are counted
  };

  // Fragments: where this lane's row of each 8×8 matrix begins, and its chunk, which k16 and n16 change by exclusive or.
  const int row_a = lane % 16, row_b = kTransposed ? lane % 8 + lane / 16 * 8 : lane % 16;
  const int chunk_a = (slice * T::kK16 * 2 + lane / 16) ^ chunk_key<kChunksA>(row_a);
  const int chunk_b = (kTransposed ? slice * T::kK16 * 2 + lane / 8 % 2 : warp_column / kChunk + lane / 16) ^
                      chunk_key<kChunksB>(row_b);
  const uint32_t base_a = (warp_row + row_a) * kChunksA * 16;
  const uint32_t base_b = T::kBytesA + (kTransposed ? warp_column + row_b : slice * T::kK16 * 16 + row_b) * kChunksB * 16;
  uint32_t fragment_a[2][T::kM16][4], fragment_b[2][T::kN8 / 2][4];
  const auto load_fragments = [&](int to, uint32_t stage, int k16) {
#pragma unroll
    for (int i = 0; i < T::kM16; ++i) {
      load_matrices<false>(fragment_a[to][i], stage + base_a + (chunk_a ^ (k16 * 2)) * 16 + i * 16 * kChunksA * 16);
    }
#pragma unroll
    for (int j = 0; j < T::kN8 / 2; ++j) {
      if constexpr (kTransposed) {
        load_matrices<false>(fragment_b[to][j], stage + base_b + (chunk_b ^ (k16 * 2)) * 16 + j * 16 * kChunksB * 16);
      } else {
        load_matrices<true>(fragment_b[to][j], stage + base_b + (chunk_b ^ (j * 2)) * 16 + k16 * 16 * kChunksB * 16);
      }
    }
  };

  float sum[T::kM16][T::kN8][4] = {};
#pragma unroll
  for (int s = 0; s < T::kStages - 1; ++s) copy_step(s, ring + s * T::kBytes);
  wait_for_copies<T::kStages - 2>();
  __syncthreads();
  uint32_t read = ring, write = ring + (T::kStages - 1) * T::kBytes;
  const uint32_t end = ring + T::kStages * T::kBytes;
  load_fragments(0, read, 0);
  for (int step = 0; step < steps; ++step) {
#pragma unroll
    for (int k16 = 0; k16 < T::kK16; ++k16) {
      if (k16 == T::kK16 - 1) {
        // The next step's tiles have arrived for all, and nobody will read this step's again: copies may overwrite them.
        wait_for_copies<T::kStages - 2>();
        __syncthreads();
        read = read + T::kBytes == end ? ring : read + T::kBytes;
      }
      load_fragments((k16 + 1) % 2, read, (k16 + 1) % T::kK16);  // behind the last step: unused
      if (k16 == 0) {
        copy_step(step + T::kStages - 1, write);
        write = write + T::kBytes == end ? ring : write + T::kBytes;
      }
#pragma unroll
      for (int i = 0; i < T::kM16; ++i) {
#pragma unroll
        for (int jj = 0; jj < T::kN8; ++jj) {
          const int j = i % 2 ? T::kN8 - 1 - jj : jj;  // back and forth: neighbours share a fragment
          const uint32_t(&fragment)[4] = fragment_b[k16 % 2][j / 2];
          multiply_add(sum[i][j], fragment_a[k16 % 2][i], fragment[j % 2 * 2], fragment[j % 2 * 2 + 1]);
        }
      }
    }
  }

  if constexpr (T::kSlices > 1) {
    wait_for_copies<0>();
    __syncthreads();
    float* partial = reinterpret_cast<float*>(shared) + warp % (T::kWarpsM * T::kWarpsN) * T::kM16 * T::kN8 * 4 * 32 + lane;
    constexpr int kStride = T::kRows * T::kColumns;
#pragma unroll
    for (int i = 0; i < T::kM16 * T::kN8 * 4; ++i) {
      if (slice > 0) partial[(slice - 1) * kStride + i * 32] = sum[i / 4 / T::kN8][i / 4 % T::kN8][i % 4];
    }
    __syncthreads();
    if (slice > 0) return;
#pragma unroll
    for (int s = 1; s < T::kSlices; ++s) {
#pragma unroll
      for (int i = 0; i < T::kM16 * T::kN8 * 4; ++i) {
        sum[i / 4 / T::kN8][i / 4 % T::kN8][i % 4] += partial[(s - 1) * kStride + i * 32];
      }
    }
  }
  store_result<T::kM16, T::kN8>(p, sum, first_row + warp_row, first_column + warp_column, lane);
}

template <class T>
int64_t tiles(int64_t m, int64_t n) {
  return (m + T::kRows - 1) / T::kRows * ((n + T::kColumns - 1) / T::kColumns);
}

/** What the busiest multiprocessor computes, in elements of d, where a tiling reaches `speed` of the best one's rate. */
template <class T>
double cost(const CudaTarget& target, int64_t m, int64_t n, double speed) {
  const int64_t rounds = (tiles<T>(m, n) + target.multiprocessors - 1) / target.multiprocessors;
  return static_cast<double>(rounds) * T::kRows * T::kColumns / speed;
}

template <class T, bool kTransposed, bool kAligned>
void launch(const CudaTarget& target, Arguments arguments) {
  arguments.tiles_m = (arguments.m + T::kRows - 1) / T::kRows;
  arguments.tiles_n = (arguments.n + T::kColumns - 1) / T::kColumns;
  const auto kernel = multiply<T, kTransposed, kAligned>;
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, T::kSharedMemory),
             "preparing a matrix product");
  const auto blocks = static_cast<unsigned>(tiles<T>(arguments.m, arguments.n));
  kernel<<<blocks, T::kThreads, T::kSharedMemory, target.stream>>>(arguments);
  check_launch("multiplying matrices");
}

template <bool kTransposed>
void choose(const CudaTarget& target, const Arguments& arguments, bool aligned) {
  const int64_t m = arguments.m, n = arguments.n;
  if (!aligned) return launch<Small, kTransposed, false>(target, arguments);
  const bool skinny = std::min(m, n) <= Skinny::kRows, fits = target.shared_memory >= Skinny::kSharedMemory;
  if (skinny && fits) return launch<Skinny, kTransposed, true>(target, arguments);
  const double small = cost<Small>(target, m, n, 0.65), medium = cost<Medium>(target, m, n, 0.95);
  const double large = cost<Large>(target, m, n, 1.0);
  if (target.shared_memory >= Large::kSharedMemory && large <= std::min(small, medium)) {
    return launch<Large, kTransposed, true>(target, arguments);
  }
  if (medium <= small) return launch<Medium, kTransposed, true>(target, arguments);
  launch<Small, kTransposed, true>(target, arguments);
}

bool aligned_rows(const bf16* p, int64_t stride) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0 && stride % kChunk == 0;
}

}  // namespace

void gemm_mma(const CudaTarget& target, const Gemm<bf16>& g) {
  if (g.m == 0 || g.n == 0) return;
  Arguments arguments{};
  arguments.a = g.a, arguments.b = g.b, arguments.c = g.c, arguments.d = g.d;
  arguments.lda = g.lda, arguments.ldb = g.ldb, arguments.ldd = g.ldd;
  arguments.m = static_cast<int>(g.m), arguments.n = static_cast<int>(g.n), arguments.k = static_cast<int>(g.k);
  bool aligned = aligned_rows(g.a, g.lda) && aligned_rows(g.b, g.ldb);
  if (g.k2 > 0) {
    arguments.a2 = g.a2, arguments.b2 = g.b2, arguments.lda2 = g.lda2, arguments.ldb2 = g.ldb2;
    arguments.k2 = static_cast<int>(g.k2);
    aligned = aligned && aligned_rows(g.a2, g.lda2) && aligned_rows(g.b2, g.ldb2);
  }
  arguments.half_d = g.half_d;
  arguments.wide_rows = aligned_rows(g.d, g.ldd) && (g.c == nullptr || aligned_rows(g.c, g.ldd));
  if (g.b_transposed) {
    choose<true>(target, arguments, aligned);
  } else {
    choose<false>(target, arguments, aligned);
  }
}

}  // namespace tunesmith
