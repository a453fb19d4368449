#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

/*
 * What the mma.sync attention kernels share: instructions, the layout of a tile in shared memory, copies in and out.
 *
 * A tile is some rows of one head, row-major, each row padded by 16 bytes: a row is then an odd number of 16-byte units, so
 * the eight rows of an 8×8 matrix lie in different banks, and every address is one register plus a constant. D is the
 * head's width there: 64 or 128; the columns from the real head_dim on are zeros.
 *
 * Fragments of m16n8k16, lane l: accumulators hold rows l/4 and l/4 + 8, columns 2·(l%4) + {0,1} of each 8; two accumulators
 * side by side, rounded, are the left operand of a product over their 16 columns. So scores never pass through memory.
 */
namespace tunesmith::attention_mma {

using bf16 = __nv_bfloat16;

constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr float kLog2e = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

template <int D>
constexpr int kStride = D + 8;
template <int D, int kRows>
constexpr int kTileBytes = kRows * kStride<D> * static_cast<int>(sizeof(bf16));

__device__ inline uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ inline uint32_t pack(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}

__device__ inline void load_matrices(uint32_t (&r)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ inline void load_matrices_transposed(uint32_t (&r)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ inline void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/** 16 bytes, or zeros. */
__device__ inline void copy_async(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void copy_async_8(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(from), "r"(there ? 8 : 0) : "memory");
}
/** Waits for the thread's copies; only after a barrier are they everybody's. */
__device__ inline void copies_wait() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/** Byte offset of the lane's row, for load_matrices of 16 rows × 16 columns: as the left operand; and, transposed, as a
    right operand whose rows are summed over. */
template <int D>
__device__ uint32_t lane_across(uint32_t lane) {
  return (lane % 16 * kStride<D> + lane / 16 * 8) * static_cast<uint32_t>(sizeof(bf16));
}
/** The same for a right operand whose columns are summed over: r[0], r[1] belong to rows 0–7, r[2], r[3] to rows 8–15. */
template <int D>
__device__ uint32_t lane_along(uint32_t lane) {
  return ((lane % 8 + lane / 16 * 8) * kStride<D> + lane / 8 % 2 * 8) * static_cast<uint32_t>(sizeof(bf16));
}
/** Byte offset of an element of a tile. */
template <int D>
__device__ constexpr uint32_t at(int row, int column) {
  return static_cast<uint32_t>((row * kStride<D> + column) * static_cast<int>(sizeof(bf16)));
}

/** threadIdx.x and blockIdx.x, read anew: what is computed from them takes no registers before. */
__device__ inline int thread_now() {
  int thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
}
__device__ inline int block_now() {
  int block;
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(block));
  return block;
}

/** The block copies kRows rows of a head, of which the first `rows` (maybe none or more) exist. */
template <int D, int kRows>
__device__ void copy_rows(uint32_t to, const bf16* from, int width, int rows, int head_dim) {
  constexpr int kUnits = D / 8, kRowsAtOnce = kThreads / kUnits;
  static_assert(kRows % kRowsAtOnce == 0);
  const int thread = thread_now(), unit = thread % kUnits, row = thread / kUnits;
  if (unit * 8 >= head_dim) rows = 0;
  to += at<D>(row, unit * 8);
  from += static_cast<int64_t>(row) * width + unit * 8;
#pragma unroll
  for (int i = 0; i < kRows; i += kRowsAtOnce) {
    copy_async(to + at<D>(i, 0), from, row + i < rows);
    from += static_cast<int64_t>(width) * kRowsAtOnce;
  }
}

/** The left-operand fragments of a warp's 16·M rows, all D columns. */
template <int D, int M>
__device__ void load_left(uint32_t (&fragments)[M][D / 16][4], uint32_t rows) {
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int k = 0; k < D / 16; ++k) load_matrices(fragments[m][k], rows + at<D>(m * 16, k * 16));
  }
}

/** Rounds a warp's 16·M rows of accumulators, each row's times its factor, and stores those of the first `rows` rows that
    exist. `staging`: the warp's own 16·M rows of shared memory. */
template <int D, int M>
__device__ void store_rows(const float (&values)[M][D / 8][4], const float (&factor)[M][2], unsigned char* staging, bf16* to,
                           int width, int rows, int head_dim) {
  const int lane = threadIdx.x % 32;
  __syncwarp();
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int n = 0; n < D / 8; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t both = pack(values[m][n][2 * half] * factor[m][half], values[m][n][2 * half + 1] * factor[m][half]);
        *reinterpret_cast<uint32_t*>(staging + at<D>(m * 16 + half * 8 + lane / 4, n * 8 + lane % 4 * 2)) = both;
      }
    }
  }
  __syncwarp();
  constexpr int kUnits = D / 8, kRowsAtOnce = 32 / kUnits;
  const int unit = lane % kUnits;
  if (unit * 8 >= head_dim) return;
#pragma unroll
  for (int i = 0; i < 16 * M; i += kRowsAtOnce) {
    const int row = i + lane / kUnits;
    if (row < rows) {
      const uint4 eight = *reinterpret_cast<const uint4*>(staging + at<D>(row, unit * 8));
      *reinterpret_cast<uint4*>(to + static_cast<int64_t>(row) * width + unit * 8) = eight;
    }
  }
}

}  // namespace tunesmith::attention_mma
