#pragma once
#include <cuda_bf16.h>

#include <cstdint>

/** What the adapter's bfloat16 products are made of: asynchronous copies to shared memory and mma.sync m16n8k16. */
namespace tunesmith::lora {

using Element = __nv_bfloat16;

inline constexpr int kPack = 8;  // elements of a 16-byte pack

__device__ inline uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

/** Starts a copy of 16 bytes to shared memory: the first `bytes` are read, the others become zero. */
__device__ inline void copy_pack(uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

/** The cache policy for a matrix that is read once: it leaves the L2 to the partial sums. */
__device__ inline uint64_t read_once() {
  uint64_t policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

__device__ inline void copy_pack(uint32_t to, const void* from, int bytes, uint64_t policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(to), "l"(from), "r"(bytes),
               "l"(policy)
               : "memory");
}

__device__ inline void end_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/** Waits for this thread's copies but the latest `groups` groups (at most 3). */
__device__ inline void wait_for_copies(int groups) {
  if (groups == 3) {
    asm volatile("cp.async.wait_group 3;" ::: "memory");
  } else if (groups == 2) {
    asm volatile("cp.async.wait_group 2;" ::: "memory");
  } else if (groups == 1) {
    asm volatile("cp.async.wait_group 1;" ::: "memory");
  } else {
    asm volatile("cp.async.wait_group 0;" ::: "memory");
  }
}

/** Copies `count` (up to 8) elements of any alignment to a pack in shared memory, zeros behind them. */
__device__ inline void copy_elements(uint32_t to, const Element* from, int count) {
  const unsigned short* bits = reinterpret_cast<const unsigned short*>(from);
  uint32_t word[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint32_t low = 2 * i < count ? bits[2 * i] : 0, high = 2 * i + 1 < count ? bits[2 * i + 1] : 0;
    word[i] = low | high << 16;
  }
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(word[0]), "r"(word[1]), "r"(word[2]), "r"(word[3])
               : "memory");
}

/** Four 8×8 matrices; `row` is the address of row lane % 8 of matrix lane / 8. Afterwards lane l holds of each matrix row
    l / 4, columns 2·(l % 4) and the next; transposed: column l / 4, rows 2·(l % 4) and the next. */
__device__ inline void load_matrices(uint32_t (&m)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}
__device__ inline void load_matrices_transposed(uint32_t (&m)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}

/** sum [16, 8] += a [16, 16] · b [16, 8]. Lane l holds of the sum rows l / 4 and l / 4 + 8, columns 2·(l % 4) and the
    next. */
__device__ inline void multiply_add(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace tunesmith::lora
