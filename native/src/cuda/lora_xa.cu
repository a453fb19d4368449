/**
 * lora_xa: xa = x·aᵀ.                       x [rows, in], a [stride, in], xa [rows, stride]; padding rows of a are zero
 * bfloat16 by mma.sync into float32, rounded once. Bound by the pass over x: 2·rows·in bytes; a is read again by every block
 * of 128 rows, from the L2 cache. A block's stages of 128×128 of x flow through shared memory up to four at a time, a
 * swizzle keeping ldmatrix free of bank conflicts. Where 128-row blocks leave multiprocessors idle, the sum over `in` is
 * split among blocks, and the parts are added in their order.
 * More than 64 columns are taken 64 at a time, by neighbouring blocks that find x in the L2 cache.
 * Limits: 2^31 blocks. Any `in`; where x's rows are not 16-byte aligned, element by element and slower.
 */
#include <type_traits>

#include "cuda/check.h"
#include "cuda/element.cuh"
#include "cuda/lora_f32.h"
#include "cuda/lora_products.h"
#include "cuda/lora_split.h"
#include "cuda/lora_tile.cuh"

namespace tunesmith {

namespace {

using namespace lora;

constexpr int kThreads = 256;
constexpr int kRows = 128;   // of x in a block: 16 a warp
constexpr int kDepth = 128;  // columns of x in a stage
constexpr int kRowPacks = kDepth / kPack;
constexpr int kRowBytes = kDepth * 2;
constexpr int kMostStages = 4;
constexpr int kMostTiles = 8;  // of 8 adapter columns

struct XaWork {
  int64_t rows = 0, in = 0, stride = 0;
  int64_t chunks = 1;  // of the adapter's columns
  int64_t splits = 1;  // of `in`
  const Element *x = nullptr, *a = nullptr;
  Element* xa = nullptr;
  float* sums = nullptr;  // [splits, rows, stride]
  int stages = 0;         // that shared memory holds
  bool aligned = false;   // rows of x and a begin at multiples of 16 bytes
};

/** Of a pack within a stage's rows: the eight rows of a matrix lie in different banks. */
__device__ uint32_t swizzled(int row, int pack) { return row * kRowBytes + ((pack ^ (row % 8)) * 16); }

/** Of the rows of x, then those of a. */
template <int kTiles>
constexpr int kStageBytes = (kRows + kTiles * 8) * kRowBytes;

template <int kTiles>
__global__ void __launch_bounds__(kThreads, 1) xa_kernel(const XaWork work) {
  extern __shared__ __align__(128) unsigned char memory[];
  constexpr int kColumns = kTiles * 8;
  const uint32_t base = shared_address(memory);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int64_t chunk = blockIdx.x % work.chunks, rest = blockIdx.x / work.chunks;
  const int64_t split = rest % work.splits, first_row = rest / work.splits * kRows;
  const int64_t first_column = chunk * kColumns;
  const int64_t steps = (work.in + kDepth - 1) / kDepth;
  const int64_t first_step = steps * split / work.splits, last_step = steps * (split + 1) / work.splits;

  // A thread copies the same pack of every sixteenth row.
  constexpr int kRowStep = kThreads / kRowPacks;
  const int pack = thread % kRowPacks, row_of_thread = thread / kRowPacks;
  const Element* x = work.x + (first_row + row_of_thread) * work.in + pack * kPack;
  const Element* a = work.a + (first_column + row_of_thread) * work.in + pack * kPack;
  const int64_t x_rows = work.rows - first_row - row_of_thread, a_rows = work.stride - first_column - row_of_thread;
  const auto load = [&](int64_t step, int slot) {
    const int64_t column = step * kDepth;
    const int64_t left = work.in - column - pack * kPack;
    const int count = static_cast<int>(left < 0 ? 0 : left < kPack ? left : kPack);
    const uint32_t to = base + slot * kStageBytes<kTiles>;
    if (work.aligned) {
#pragma unroll
      for (int i = 0; i < kRows; i += kRowStep) {
        const bool inside = i < x_rows && count > 0;
        copy_pack(to + swizzled(row_of_thread + i, pack), inside ? x + i * work.in + column : work.x,
                  inside ? count * 2 : 0);
      }
#pragma unroll
      for (int i = 0; i < kColumns; i += kRowStep) {
        const bool inside = i < a_rows && count > 0;
        copy_pack(to + swizzled(kRows + row_of_thread + i, pack), inside ? a + i * work.in + column : work.a,
                  inside ? count * 2 : 0);
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < kRows; i += kRowStep) {
        copy_elements(to + swizzled(row_of_thread + i, pack), x + i * work.in + column, i < x_rows ? count : 0);
      }
#pragma unroll 1
      for (int i = 0; i < kColumns; i += kRowStep) {
        copy_elements(to + swizzled(kRows + row_of_thread + i, pack), a + i * work.in + column, i < a_rows ? count : 0);
      }
    }
  };

  const int stages = work.stages;
  for (int i = 0; i < stages - 1; ++i) {
    if (first_step + i < last_step) load(first_step + i, i);
    end_copy_group();
  }
  float sum[kTiles][4] = {};
  int slot = 0, free_slot = stages - 1;
  for (int64_t step = first_step; step < last_step; ++step) {
    wait_for_copies(stages - 2);
    __syncthreads();  // the stage is there for all, and all are done with the one before it
    if (step + stages - 1 < last_step) load(step + stages - 1, free_slot);
    end_copy_group();
    const uint32_t from = base + slot * kStageBytes<kTiles>;
#pragma unroll
    for (int k = 0; k < kDepth / 16; ++k) {
      uint32_t rows[4];
      load_matrices(rows, from + swizzled(warp * 16 + lane % 16, k * 2 + lane / 16));
#pragma unroll
      for (int tile = 0; tile < kTiles; tile += 2) {
        uint32_t columns[4];
        load_matrices(columns, from + swizzled(kRows + tile * 8 + lane / 16 * 8 + lane % 8, k * 2 + lane / 8 % 2));
        multiply_add(sum[tile], rows, columns[0], columns[1]);
        multiply_add(sum[tile + 1], rows, columns[2], columns[3]);
      }
    }
    free_slot = slot;
    slot = slot + 1 < stages ? slot + 1 : 0;
  }

#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t row = first_row + warp * 16 + half * 8 + lane / 4;
      const int64_t column = first_column + tile * 8 + lane % 4 * 2;
      if (row >= work.rows || column >= work.stride) continue;
      const float left = sum[tile][half * 2], right = sum[tile][half * 2 + 1];
      if (work.splits > 1) {
        *reinterpret_cast<float2*>(work.sums + (split * work.rows + row) * work.stride + column) = make_float2(left, right);
      } else {
        *reinterpret_cast<__nv_bfloat162*>(work.xa + row * work.stride + column) = __floats2bfloat162_rn(left, right);
      }
    }
  }
}

/** Four columns a thread. */
__global__ void __launch_bounds__(kThreads)
    add_splits_kernel(int64_t count, int64_t splits, const float* sums, Element* xa) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 4;
  if (first >= count) return;
  float4 total = make_float4(0, 0, 0, 0);
#pragma unroll 4
  for (int64_t split = 0; split < splits; ++split) {
    const float4 part = *reinterpret_cast<const float4*>(sums + split * count + first);
    total.x += part.x, total.y += part.y, total.z += part.z, total.w += part.w;
  }
  auto* to = reinterpret_cast<__nv_bfloat162*>(xa + first);
  to[0] = __floats2bfloat162_rn(total.x, total.y);
  to[1] = __floats2bfloat162_rn(total.z, total.w);
}

template <int kTiles>
void launch_xa(const CudaTarget& target, XaWork work) {
  work.stages = std::min(kMostStages, target.shared_memory / kStageBytes<kTiles>);
  const int bytes = work.stages * kStageBytes<kTiles>;
  const int64_t blocks = (work.rows + kRows - 1) / kRows * work.chunks;
  const int64_t sum_bytes = work.rows * work.stride * static_cast<int64_t>(sizeof(float));
  const int64_t limit = std::min((work.in + kDepth - 1) / kDepth, kColumnSumBytes / sum_bytes);
  const double traffic = 4.0 * static_cast<double>(work.stride) / static_cast<double>(work.in);
  work.splits = best_split(blocks, limit, target.multiprocessors, traffic).parts;
  check_cuda(cudaFuncSetAttribute(xa_kernel<kTiles>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
             "preparing the product with an adapter's A");
  xa_kernel<kTiles><<<static_cast<unsigned>(blocks * work.splits), kThreads, bytes, target.stream>>>(work);
  check_launch("multiplying by an adapter's A");
  if (work.splits == 1) return;
  const int64_t count = work.rows * work.stride, packs = (count / 4 + kThreads - 1) / kThreads;
  add_splits_kernel<<<static_cast<unsigned>(packs), kThreads, 0, target.stream>>>(count, work.splits, work.sums, work.xa);
  check_launch("adding up the product with an adapter's A");
}

}  // namespace

template <class T>
void lora_xa(const CudaTarget& target, int64_t rows, int64_t in, int64_t stride, const T* x, const T* a, T* xa,
             void* scratch) {
  if (rows == 0 || stride == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    multiply(target, {rows, stride, in, x, a, {in, 1}, {1, in}, xa, {stride, 1}}, scratch);
  } else {
    XaWork work;
    work.rows = rows, work.in = in, work.stride = stride;
    work.x = x, work.a = a, work.xa = xa, work.sums = static_cast<float*>(scratch);
    work.aligned = splits_into_packs<T>(in, x, a);
    const int64_t tiles = stride / 8;
    work.chunks = (tiles + kMostTiles - 1) / kMostTiles;
    const int64_t pairs = (tiles / 2 + work.chunks - 1) / work.chunks;
    if (pairs == 1) {
      launch_xa<2>(target, work);
    } else if (pairs == 2) {
      launch_xa<4>(target, work);
    } else if (pairs == 3) {
      launch_xa<6>(target, work);
    } else {
      launch_xa<8>(target, work);
    }
  }
}

template void lora_xa(const CudaTarget&, int64_t, int64_t, int64_t, const float*, const float*, float*, void*);
template void lora_xa(const CudaTarget&, int64_t, int64_t, int64_t, const __nv_bfloat16*, const __nv_bfloat16*,
                      __nv_bfloat16*, void*);

size_t lora_scratch_bytes(const CudaTarget&, int64_t rows, int64_t, int64_t stride) {
  return rows == 0 || stride == 0 ? 0 : static_cast<size_t>(kColumnSumBytes + kRowSumBytes);
}

}  // namespace tunesmith
