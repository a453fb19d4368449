/**
 * gemm_f32: d = a·b + a2·b2 + c in float32 multiply-adds (no tf32), for CudaOptions::float32.
 *   a [m, k], a2 [m, k2]; b [n, k] or [k, n], b2 alike; c, d [m, n]; row-major with leading dimensions.
 * 2·m·n·(k + k2) FLOPs, the floor at the GPU's float32 rate (67 TFLOP/s on an H100); an operand's tile is read once a block.
 *
 * A block of 128 threads computes 128×64 of d, 8 of k a step, 8×8 a thread. While a step is multiplied out of one buffer of
 * shared memory, the next one's elements are on their way to registers and then to the other buffer. Both tiles lie with k
 * outermost, so that a thread reads its rows and columns in 16-byte pieces; columns are permuted by k, so that the
 * transposing stores meet no bank conflict. The second pair follows the first with the same accumulators. The sum over k
 * runs in order: same shape, same bits.
 *
 * Limits: m, n, k and k2 below 2^31, at most 2^31 - 1 tiles. Where a pointer is not 16-byte aligned or a
 * leading dimension no multiple of 4, elements are read one by one.
 */
#include "cuda/check.h"
#include "cuda/gemm.h"

namespace tunesmith {

namespace {

constexpr int kRows = 128, kColumns = 64, kDepth = 8, kThreads = 128;
constexpr int kTileGroup = 16;  // tile rows that share each tile column of b while it is in L2

struct Arguments {
  const float *a, *b, *a2, *b2, *c;
  float* d;
  int64_t lda, ldb, lda2, ldb2, ldd;
  int m, n, k, k2;
  int tiles_m, tiles_n;
  bool wide_rows;  // rows of c and d are 16-byte aligned
};

/** Where column x of row k of a tile lies. */
template <int kWidth>
__device__ __forceinline__ int place(int k, int x) {
  return k * kWidth + (x ^ k / 4 * 16);
}

/** Four elements of a row, of which `valid` exist, zeros for the others. */
template <bool kAligned>
__device__ __forceinline__ float4 load_piece(const float* p, int valid) {
  if (kAligned && valid >= 4) return *reinterpret_cast<const float4*>(p);
  return {valid > 0 ? p[0] : 0.0f, valid > 1 ? p[1] : 0.0f, valid > 2 ? p[2] : 0.0f, valid > 3 ? p[3] : 0.0f};
}
__device__ __forceinline__ float element(const float4& piece, int i) {
  return i == 0 ? piece.x : i == 1 ? piece.y : i == 2 ? piece.z : piece.w;
}

/** One operand's way to shared memory, as the tile [kDepth, kWidth]. kDeep: its rows hold k side by side and are transposed
    on their way (a, and b transposed); otherwise a row is one k. */
template <int kWidth, bool kDeep, bool kAligned>
struct Operand {
  static constexpr int kPieces = (kDeep ? kDepth : kWidth) / 4;  // of a row
  static constexpr int kRowsPerPass = kThreads / kPieces, kPasses = kWidth * kDepth / 4 / kThreads;
  static_assert(kPasses * kRowsPerPass == (kDeep ? kWidth : kDepth));
  const float* from;
  int limit;  // valid columns of the thread's piece are the k left less this; not kDeep: are this where the k exists
  int rows;   // kDeep: that exist, from the thread's first on

  static __device__ int row() { return static_cast<int>(threadIdx.x) / kPieces; }
  static __device__ int column() { return static_cast<int>(threadIdx.x) % kPieces * 4; }
  /** The tile begins at row or column `first` of `count`. */
  __device__ __forceinline__ Operand(const float* p, int64_t stride, int first, int count)
      : from(kDeep ? p + (first + row()) * stride + column() : p + row() * stride + first + column()),
        limit(kDeep ? column() : count - first - column()), rows(count - first - row()) {}
  /** Reads this step's pieces and goes on to the next step. */
  __device__ __forceinline__ void read(float4 (&piece)[kPasses], int64_t stride, int depth_left) {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const bool exists = pass * kRowsPerPass < (kDeep ? rows : depth_left - row());
      const int valid = kDeep ? depth_left - limit : limit;
      piece[pass] = load_piece<kAligned>(from + pass * kRowsPerPass * stride, exists ? valid : 0);
    }
    from += kDeep ? kDepth : kDepth * stride;
  }
  static __device__ __forceinline__ void write(float* tile, const float4 (&piece)[kPasses]) {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int y = row() + pass * kRowsPerPass;
      if constexpr (kDeep) {
#pragma unroll
        for (int i = 0; i < 4; ++i) tile[place<kWidth>(column() + i, y)] = element(piece[pass], i);
      } else {
        *reinterpret_cast<float4*>(tile + place<kWidth>(y, column())) = piece[pass];
      }
    }
  }
};

template <bool kTransposed, bool kAligned>
__global__ void __launch_bounds__(kThreads, 3) multiply(const __grid_constant__ Arguments p) {
  __shared__ __align__(16) float tile_a[2][kDepth * kRows], tile_b[2][kDepth * kColumns];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int group = static_cast<int>(blockIdx.x / (static_cast<unsigned>(kTileGroup) * p.tiles_n));
  const int within = static_cast<int>(blockIdx.x % (static_cast<unsigned>(kTileGroup) * p.tiles_n));
  const int group_rows = min(kTileGroup, p.tiles_m - group * kTileGroup);
  const int first_row = (group * kTileGroup + within % group_rows) * kRows;
  const int first_column = within / group_rows * kColumns;

  // A warp's 32×64: a thread has rows at `row` and row + 16, columns at `column` and column + 32, four of each.
  const int row = warp * 32 + lane / 8 * 4, column = lane % 8 * 4;
  float sum[8][8] = {};
  const auto add_product = [&](const float* from_a, int64_t lda, const float* from_b, int64_t ldb, int depth) {
    using A = Operand<kRows, true, kAligned>;
    using B = Operand<kColumns, kTransposed, kAligned>;
    A a(from_a, lda, first_row, p.m);
    B b(from_b, ldb, first_column, p.n);
    float4 piece_a[A::kPasses], piece_b[B::kPasses];
    a.read(piece_a, lda, depth), b.read(piece_b, ldb, depth);
    a.write(tile_a[0], piece_a), b.write(tile_b[0], piece_b);
    __syncthreads();
    int buffer = 0;
#pragma unroll 1
    for (; depth > 0; depth -= kDepth) {
      // Behind the last step: zeros, into a buffer that nobody reads.
      a.read(piece_a, lda, depth - kDepth), b.read(piece_b, ldb, depth - kDepth);
#pragma unroll
      for (int k = 0; k < kDepth; ++k) {
        float x[8], y[8];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float4 from_x = *reinterpret_cast<float4*>(tile_a[buffer] + place<kRows>(k, row ^ half * 16));
          const float4 from_y = *reinterpret_cast<float4*>(tile_b[buffer] + place<kColumns>(k, column) + half * 32);
#pragma unroll
          for (int i = 0; i < 4; ++i) x[half * 4 + i] = element(from_x, i), y[half * 4 + i] = element(from_y, i);
        }
#pragma unroll
        for (int i = 0; i < 8; ++i) {
#pragma unroll
          for (int j = 0; j < 8; ++j) sum[i][j] = fmaf(x[i], y[j], sum[i][j]);
        }
      }
      // The other buffer was last read before the barrier that ended the step before.
      buffer ^= 1;
      a.write(tile_a[buffer], piece_a), b.write(tile_b[buffer], piece_b);
      __syncthreads();
    }
  };
  if (p.k > 0) add_product(p.a, p.lda, p.b, p.ldb, p.k);
  if (p.k2 > 0) add_product(p.a2, p.lda2, p.b2, p.ldb2, p.k2);

#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int y = first_row + row + i / 4 * 16 + i % 4;
    if (y >= p.m) continue;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int x = first_column + column + half * 32;
      const int64_t at = y * p.ldd + x;
      const float* value = sum[i] + half * 4;
      if (p.wide_rows && x + 4 <= p.n) {
        const float4 c = p.c ? *reinterpret_cast<const float4*>(p.c + at) : float4{};
        *reinterpret_cast<float4*>(p.d + at) = {value[0] + c.x, value[1] + c.y, value[2] + c.z, value[3] + c.w};
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (x + j < p.n) p.d[at + j] = value[j] + (p.c ? p.c[at + j] : 0.0f);
        }
      }
    }
  }
}

bool aligned_rows(const float* p, int64_t stride) { return reinterpret_cast<uintptr_t>(p) % 16 == 0 && stride % 4 == 0; }

template <bool kTransposed, bool kAligned>
void launch(const CudaTarget& target, const Arguments& arguments) {
  const auto blocks = static_cast<unsigned>(int64_t{arguments.tiles_m} * arguments.tiles_n);
  multiply<kTransposed, kAligned><<<blocks, kThreads, 0, target.stream>>>(arguments);
  check_launch("multiplying float32 matrices");
}

}  // namespace

void gemm_f32(const CudaTarget& target, const Gemm<float>& g) {
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
  arguments.tiles_m = (arguments.m + kRows - 1) / kRows;
  arguments.tiles_n = (arguments.n + kColumns - 1) / kColumns;
  arguments.wide_rows = aligned_rows(g.d, g.ldd) && (g.c == nullptr || aligned_rows(g.c, g.ldd));
  if (g.b_transposed) {
    aligned ? launch<true, true>(target, arguments) : launch<true, false>(target, arguments);
  } else {
    aligned ? launch<false, true>(target, arguments) : launch<false, false>(target, arguments);
  }
}

}  // namespace tunesmith
