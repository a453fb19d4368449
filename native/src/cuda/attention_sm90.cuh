#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cuda/attention.h"
#include "cuda/attention_sm90_products.cuh"
#include "cuda/check.h"
#include "cuda/tensor_map.h"

/*
 * What Hopper's attention kernels share. Tiles of 64 rows of one head come by the copy engine as boxes of 64 × 64, one
 * behind the other where head_dim is 128; a warpgroup owns 64 rows of the result. Blocks are persistent and take their
 * work, in the order of the tile list, from a counter: which block does a piece has no influence on its bits.
 */
namespace tunesmith::sm90 {

constexpr int kTile = 64;
constexpr int kBoxBytes = kTile * 128;
constexpr int kLargestShared = 227 * 1024;  // of one block
constexpr float kLog2E = 1.4426950408889634f;

/** A position in a ring of stages, and the parity that its "full" barrier has next. */
template <int Stages>
struct Ring {
  int stage = 0;
  uint32_t phase = 0;
  __device__ void advance() {
    if (++stage == Stages) stage = 0, phase ^= 1;
  }
};

/** A piece of work: rows [first, …) of the document [begin, end), one or more heads from `head`. end == begin: no more. */
struct Work {
  int32_t begin, end, first, head;
};

/** The end of a warp's reads of what `barrier` guards. */
__device__ inline void release(uint64_t* barrier) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) barrier_arrive(barrier);
}

/** The work after `item`, for a producer's whole warp. */
__device__ inline int32_t next_item(int32_t* counter) {
  int32_t taken = 0;
  if (threadIdx.x % 32 == 0) taken = atomicAdd(counter, 1);
  return static_cast<int32_t>(gridDim.x) + __shfl_sync(0xffffffffu, taken, 0);
}

/** Rows `row`… of `Boxes` × 64 rows and the D columns from `column`, laid out [D / 64][Boxes × 64 rows][64]. */
template <int D, int Boxes>
__device__ void load_rows(std::byte* to, const CUtensorMap* map, int32_t column, int32_t row, uint64_t* barrier) {
#pragma unroll
  for (int c = 0; c < D / 64; ++c) {
#pragma unroll
    for (int box = 0; box < Boxes; ++box) {
      tma_load(to + (c * Boxes + box) * kBoxBytes, map, column + c * 64, row + box * kTile, barrier);
    }
  }
}

/** Columns 16·k… of a tile of 64 rows as the warp's fragment of a left operand. */
__device__ inline void load_fragment(uint32_t (&to)[4], const std::byte* tile, int k) {
  const uint32_t lane = threadIdx.x % 32, row = threadIdx.x / 32 % 4 * 16 + lane % 16, chunk = k % 4 * 2 + lane / 16;
  load_matrices(to, shared_address(tile) + k / 4 * kBoxBytes + row * 128 + ((chunk ^ (row % 8)) << 4));
}

/** The left operand [64, D] of products with many tiles: its first Held steps of 16 columns in registers, where a product
    needs not read them again, the others from where they lie. */
template <int D, int Held>
struct Left {
  const std::byte* rows;
  uint32_t words[Held > 0 ? Held : 1][4];
  __device__ explicit Left(const std::byte* tile) : rows(tile) {
#pragma unroll
    for (int k = 0; k < Held; ++k) load_fragment(words[k], tile, k);
  }
};

/** s [64, N] = left [64, D] · tile [N, D]ᵀ. */
template <int N, int D, int Held>
__device__ void scores(float (&s)[N / 2], const Left<D, Held>& left, const std::byte* tile) {
  const uint64_t a = operand(left.rows), b = operand(tile);
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    const uint64_t b_step = b + ((k / 4 * N * 128 + k % 4 * 32) >> 4);
    if (k < Held) {
      product<0>(s, left.words[k < Held ? k : 0], b_step, k > 0);
    } else {
      product<0>(s, a + ((k / 4 * kBoxBytes + k % 4 * 32) >> 4), b_step, k > 0);
    }
  }
}

/** sums [64, D] += words [64, N] · tile [N, D]. */
template <int N, int D>
__device__ void accumulate(float (&sums)[D / 2], const uint32_t (&words)[N / 16][4], const std::byte* tile) {
  const uint64_t b = operand(tile, N * 128);
#pragma unroll
  for (int k = 0; k < N / 16; ++k) product<1>(sums, words[k], b + ((k * 16 * 128) >> 4), true);
}

/** Sum and maximum over the four threads that share a row. */
__device__ inline float quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
__device__ inline float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

/** Thread i of four holds word i of each of four packs and receives all of pack i. */
__device__ inline void transpose_quad(uint32_t (&words)[4]) {
  const bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t received = __shfl_xor_sync(0xffffffffu, odd ? words[i] : words[i + 1], 1);
    (odd ? words[i] : words[i + 1]) = received;
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const uint32_t received = __shfl_xor_sync(0xffffffffu, high ? words[i] : words[i + 2], 2);
    (high ? words[i] : words[i + 2]) = received;
  }
}

/** Writes the warpgroup's sums, times each row's factor, in 16 bytes a thread: row r to `to`, row r + 8 to `to` + eight
    strides, each only where it is `there`. */
template <int D>
__device__ void store_rows(const float (&sums)[D / 2], float factor, float factor8, __nv_bfloat16* to, int64_t stride,
                           bool there, bool there8) {
  const int quad = threadIdx.x % 4;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float f = half ? factor8 : factor;
#pragma unroll
    for (int block = 0; block < D / 32; ++block) {
      uint32_t words[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = (block * 4 + i) * 4 + half * 2;
        words[i] = pack_bf16(sums[at] * f, sums[at + 1] * f);
      }
      transpose_quad(words);
      if (half ? there8 : there) {
        *reinterpret_cast<uint4*>(to + half * 8 * stride + block * 32 + quad * 8) = {words[0], words[1], words[2], words[3]};
      }
    }
  }
}

/** How many of `groups` warpgroups take heads that share their key/value head, side by side over the same rows: they share
    the tiles, too, and all of them end at the same key. A power of two. */
inline int heads_together(const AttentionShape& shape, int groups) {
  int together = 1;
  while (together < groups && shape.query_heads / shape.kv_heads % (2 * together) == 0) together *= 2;
  return together;
}

/** The parts of an op's scratch. */
struct ScratchParts {
  explicit ScratchParts(void* scratch) : at(static_cast<std::byte*>(scratch)) {}
  template <class T>
  T* take(int64_t count) {
    T* part = reinterpret_cast<T*>(at);
    at += (static_cast<size_t>(count) * sizeof(T) + 255) / 256 * 256;
    return part;
  }
  std::byte* at;
};

template <class Kernel>
void allow_shared(Kernel kernel, int bytes, const char* what) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), what);
}

}  // namespace tunesmith::sm90
