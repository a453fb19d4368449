/**
 * lora_g_and_db: g = dy·b (b already scaled), db += scale·dyᵀ·xa.     dy [rows, out], b [out, stride], g, xa [rows, stride]
 * lora_da:       da += gᵀ·x.                                           x [rows, in], da [columns, in]
 * bfloat16 by mma.sync into float32. Bound by one pass over the wide matrix: 2·rows·out and 2·rows·in bytes.
 *
 * g sums over the columns of dy, db over its rows, so a block that keeps one whole leaves partial sums of the other: with
 * whole rows, db's of every row block; with whole columns, g's of every column slab; either way a quarter of a 16384-wide
 * dy's bytes. A block therefore owns a slab of one part's columns and a range of rows, walks down it and keeps the slab's db
 * in registers; g's share of the slab is summed among the warps and written row by row. With S slabs and R ranges, S·R
 * blocks filling the GPU, that writes and reads 4·rank·(S·rows + R·out) bytes, least near S = R: 25 MB of 537 for 16 slabs
 * of 1024 and 8 ranges, and dy's copies ask the L2 cache to drop dy first, so that the sums stay there. A last kernel adds
 * the sums up in a fixed order. da is the same walk without g.
 *
 * b's parts are diagonal: a slab multiplies by a window of 16 or 32 of the stride columns, which begins at a multiple of 8
 * and holds its part's rank; a wider rank takes several windows, whose blocks are neighbours and find dy in the L2 cache.
 * Rows in turns where g's partial sums exceed their scratch. Limits: 2^31 blocks. Where the wide matrix' rows or a part's
 * columns are not 16-byte aligned, element by element and slower.
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

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;
constexpr int kMostStages = 4;
constexpr int kDaColumnTiles = 2;

/** Each warp holds kColumnTiles·16 columns of the slab against kTiles·8 adapter columns. A stage is 32 KiB of the wide
    matrix and the same rows of the narrow one. */
template <int kColumnTiles, int kTiles, bool kWithG>
struct Slab {
  static constexpr int kColumns = kColumnTiles * 16 * kWarps;
  static constexpr int kRowTiles = 8 / kColumnTiles;
  static constexpr int kRows = kRowTiles * 16;
  static constexpr int kWindow = kTiles * 8;
  static constexpr int kWideRowBytes = kColumns * 2;
  static constexpr int kNarrowRowBytes = kWindow * 2 + 16;  // an odd number of packs: ldmatrix without bank conflicts
  static constexpr int kWideBytes = kRows * kWideRowBytes;
  static constexpr int kStageBytes = kWideBytes + kRows * kNarrowRowBytes;
  static constexpr int kSumBytes = kWithG ? kWarps * 16 * kWindow * 4 : 0;
  static_assert(!kWithG || kColumns * kWindow * 2 <= kWideBytes, "b's slab is passed through the last stage");
};

struct SlabPart {
  int64_t first_column = 0, columns = 0;  // of the wide matrix
  int64_t first_narrow = 0;               // of the narrow one; `narrow` columns from there belong to the part
  int64_t first_unit = 0, windows = 1;    // units: a slab's windows side by side, slab after slab
  float* gradient = nullptr;              // db [columns, narrow]; da [narrow, columns]
};

struct SlabWork {
  int64_t rows = 0, width = 0, stride = 0;
  int64_t units = 0, ranges = 1;
  const Element *wide = nullptr, *narrow = nullptr, *b = nullptr;
  Element* g = nullptr;
  int parts = 0;
  SlabPart part[kMaxLinearParts];
  int64_t narrow_columns = 0;  // of each part
  float scale = 1;
  float* column_sums = nullptr;  // [ranges, units, slab columns, window], for da [ranges, narrow, columns]; not of one range
  float* row_sums = nullptr;     // [units, rows, window]
  int stages = 0;                // that shared memory holds
  bool aligned = false;          // rows of the wide matrix' parts begin at multiples of 16 bytes
};

/** Where a part's window begins: a multiple of a pack. */
__host__ __device__ int64_t window_start(const SlabPart& part) { return part.first_narrow / kPack * kPack; }

template <int kColumnTiles, int kTiles, bool kWithG>
__global__ void __launch_bounds__(kThreads, 1) slab_kernel(const __grid_constant__ SlabWork work) {
  using S = Slab<kColumnTiles, kTiles, kWithG>;
  extern __shared__ __align__(128) unsigned char memory[];
  const uint32_t base = shared_address(memory);
  const int stages = work.stages;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int64_t unit = blockIdx.x % work.units, range = blockIdx.x / work.units;
  int which = 0;
  while (which + 1 < work.parts && unit >= work.part[which + 1].first_unit) ++which;
  const SlabPart& part = work.part[which];
  const int64_t unit_of_part = unit - part.first_unit;
  const int64_t first_of_part = unit_of_part / part.windows * S::kColumns;
  const int64_t window = window_start(part) + unit_of_part % part.windows * S::kWindow;
  const int64_t columns = part.columns - first_of_part;  // of the slab, or more
  const int64_t first_column = part.first_column + first_of_part;
  const int64_t tiles = (work.rows + S::kRows - 1) / S::kRows;
  const int64_t first_tile = tiles * range / work.ranges, last_tile = tiles * (range + 1) / work.ranges;

  // The eight rows of a matrix lie in different banks.
  const auto swizzled = [](int row, int pack) -> uint32_t { return row * S::kWideRowBytes + ((pack ^ (row % 8)) * 16); };

  // A thread copies the same pack of every kRowStep-th row.
  constexpr int kRowPacks = S::kColumns / kPack, kRowStep = kThreads / kRowPacks;
  const int pack = thread % kRowPacks, row_of_thread = thread / kRowPacks;
  const int64_t left = columns - pack * kPack;
  const int count = static_cast<int>(left < 0 ? 0 : left < kPack ? left : kPack);
  const Element* source = work.wide + first_column + pack * kPack;
  const uint64_t policy = read_once();
  const auto load = [&](int64_t tile, int slot) {
    const int64_t first_row = tile * S::kRows;
    const uint32_t to = base + slot * S::kStageBytes;
    const Element* from = source + (first_row + row_of_thread) * work.width;
    const int64_t rows_left = work.rows - first_row;
    if (work.aligned) {
#pragma unroll
      for (int i = 0; i < S::kRows; i += kRowStep) {
        const bool inside = row_of_thread + i < rows_left && count > 0;
        copy_pack(to + swizzled(row_of_thread + i, pack), inside ? from + i * work.width : work.wide, inside ? count * 2 : 0,
                  policy);
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < S::kRows; i += kRowStep) {
        copy_elements(to + swizzled(row_of_thread + i, pack), from + i * work.width,
                      row_of_thread + i < rows_left ? count : 0);
      }
    }
    for (int p = thread; p < S::kRows * kTiles; p += kThreads) {
      const int row = p / kTiles, column = p % kTiles * kPack;
      const bool inside = row < rows_left && window + column < work.stride;
      copy_pack(to + S::kWideBytes + row * S::kNarrowRowBytes + column * 2,
                inside ? work.narrow + (first_row + row) * work.stride + window + column : work.narrow, inside ? 16 : 0);
    }
  };

  // A warp's share of g in a stage: 16 rows and 128 columns, whose b stays in registers.
  const int g_rows = warp % S::kRowTiles * 16, g_pack = warp / S::kRowTiles * 16;
  uint32_t b[8][kTiles / 2][4];
  const uint32_t b_slab = base + (stages - 1) * S::kStageBytes;
  if constexpr (kWithG) {
    for (int p = thread; p < S::kColumns * kTiles; p += kThreads) {
      const int row = p / kTiles, column = p % kTiles * kPack;
      const bool inside = row < columns && window + column < work.stride;
      copy_pack(b_slab + p * 16, inside ? work.b + (first_column + row) * work.stride + window + column : work.b,
                inside ? 16 : 0);
    }
    end_copy_group();
  }
  for (int i = 0; i < stages - 1; ++i) {
    if (first_tile + i < last_tile) load(first_tile + i, i);
    end_copy_group();
  }
  if constexpr (kWithG) {
    wait_for_copies(stages - 1);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < 8; ++k) {
#pragma unroll
      for (int pair = 0; pair < kTiles / 2; ++pair) {
        const int row = g_pack * kPack + k * 16 + lane % 16;
        load_matrices_transposed(b[k][pair], b_slab + (row * kTiles + pair * 2 + lane / 16) * 16);
      }
    }
    // The loop's first barrier is behind this: only then is the last stage filled.
  }

  float sum[kColumnTiles][kTiles][4] = {};
  float* shares = reinterpret_cast<float*>(memory + stages * S::kStageBytes);  // of g: [warp, 16, window]
  int slot = 0, free_slot = stages - 1;
  for (int64_t tile = first_tile; tile < last_tile; ++tile) {
    wait_for_copies(stages - 2);
    __syncthreads();  // the stage is there for all, and all are done with the one before it and with its shares
    if (tile + stages - 1 < last_tile) load(tile + stages - 1, free_slot);
    end_copy_group();
    const uint32_t wide = base + slot * S::kStageBytes, narrow = wide + S::kWideBytes;
    if constexpr (kWithG) {
      float share[kTiles][4] = {};
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        uint32_t rows[4];
        load_matrices(rows, wide + swizzled(g_rows + lane % 16, g_pack + k * 2 + lane / 16));
#pragma unroll
        for (int t = 0; t < kTiles; ++t) multiply_add(share[t], rows, b[k][t / 2][t % 2 * 2], b[k][t / 2][t % 2 * 2 + 1]);
      }
      float* to = shares + (warp * 16 + lane / 4) * S::kWindow + lane % 4 * 2;
#pragma unroll
      for (int t = 0; t < kTiles; ++t) {
        *reinterpret_cast<float2*>(to + t * 8) = make_float2(share[t][0], share[t][1]);
        *reinterpret_cast<float2*>(to + t * 8 + 8 * S::kWindow) = make_float2(share[t][2], share[t][3]);
      }
    }
#pragma unroll
    for (int k = 0; k < S::kRowTiles; ++k) {
      uint32_t narrow_pair[kTiles / 2][4];
#pragma unroll
      for (int pair = 0; pair < kTiles / 2; ++pair) {
        load_matrices_transposed(narrow_pair[pair],
                                 narrow + (k * 16 + lane % 16) * S::kNarrowRowBytes + (pair * 2 + lane / 16) * 16);
      }
#pragma unroll
      for (int c = 0; c < kColumnTiles; ++c) {
        uint32_t wide_columns[4];
        load_matrices_transposed(wide_columns, wide + swizzled(k * 16 + lane / 16 * 8 + lane % 8,
                                                               (warp * kColumnTiles + c) * 2 + lane / 8 % 2));
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
          multiply_add(sum[c][t], wide_columns, narrow_pair[t / 2][t % 2 * 2], narrow_pair[t / 2][t % 2 * 2 + 1]);
        }
      }
    }
    if constexpr (kWithG) {
      __syncthreads();
      const int64_t first_row = tile * S::kRows;
      for (int e = thread; e < S::kRows * S::kWindow; e += kThreads) {
        const int row = e / S::kWindow, column = e % S::kWindow;
        const float* from = shares + row * S::kWindow + column;
        float total = 0;
#pragma unroll
        for (int group = 0; group < kColumnTiles; ++group) total += from[group * S::kRows * S::kWindow];
        if (first_row + row < work.rows) work.row_sums[(unit * work.rows + first_row + row) * S::kWindow + column] = total;
      }
    }
    free_slot = slot;
    slot = slot + 1 < stages ? slot + 1 : 0;
  }

  const int64_t narrow_columns = work.narrow_columns;
#pragma unroll
  for (int c = 0; c < kColumnTiles; ++c) {
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int column_of_slab = (warp * kColumnTiles + c) * 16 + half * 8 + lane / 4;
        if (column_of_slab >= columns) continue;
        const float* pair = sum[c][t] + half * 2;
        const int column_of_window = t * 8 + lane % 4 * 2;
        if (kWithG && work.ranges > 1) {
          const int64_t row = (range * work.units + unit) * S::kColumns + column_of_slab;
          *reinterpret_cast<float2*>(work.column_sums + row * S::kWindow + column_of_window) = make_float2(pair[0], pair[1]);
          continue;
        }
        const int64_t column = first_of_part + column_of_slab;
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const int64_t n = window + column_of_window + j - part.first_narrow;
          if (n < 0 || n >= narrow_columns) continue;
          if (work.ranges > 1) {
            work.column_sums[(range * narrow_columns + n) * work.width + column] = pair[j];
          } else {
            float* to = part.gradient + (kWithG ? column * narrow_columns + n : n * work.width + column);
            *to += work.scale * pair[j];
          }
        }
      }
    }
  }
}

/** kElements floats of one load. */
template <int kElements>
struct Floats {
  float value[kElements];
};
template <int kElements>
__device__ Floats<kElements> load_floats(const float* p) {
  using Load = std::conditional_t<kElements == 4, float4, float>;
  return __builtin_bit_cast(Floats<kElements>, *reinterpret_cast<const Load*>(p));
}
template <int kElements>
__device__ void add_to(float* p, const Floats<kElements>& x, float scale) {
  if constexpr (kElements == 4) {
    auto& to = *reinterpret_cast<float4*>(p);
    to = make_float4(to.x + scale * x.value[0], to.y + scale * x.value[1], to.z + scale * x.value[2],
                     to.w + scale * x.value[3]);
  } else {
    *p += scale * x.value[0];
  }
}

/** Threads that share one sum over the ranges: lanes 8 apart, so that a warp reads eight neighbouring sums of a range. */
constexpr int kTeam = 4;
constexpr int kTeamsInBlock = kThreads / kTeam;

/** Adds the sums of `ranges` ranges, `step` apart, to the gradient; every lane of the warp must call. */
template <int kElements>
__device__ void add_ranges(bool inside, const float* sums, int64_t ranges, int64_t step, float scale, float* gradient) {
  const int member = threadIdx.x % 32 / 8;
  Floats<kElements> total = {};
  if (inside) {
#pragma unroll 4
    for (int64_t range = member; range < ranges; range += kTeam) {
      const Floats<kElements> x = load_floats<kElements>(sums + range * step);
#pragma unroll
      for (int i = 0; i < kElements; ++i) total.value[i] += x.value[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    total.value[i] += __shfl_xor_sync(0xffffffffu, total.value[i], 8);
    total.value[i] += __shfl_xor_sync(0xffffffffu, total.value[i], 16);
  }
  if (inside && member == 0) add_to<kElements>(gradient, total, scale);
}

/** Which kElements floats of the gradient this thread's team adds up. */
__device__ int64_t team_index(int64_t block) {
  return block * kTeamsInBlock + threadIdx.x / 32 * 8 + threadIdx.x % 8;
}

template <int kElements>
__global__ void __launch_bounds__(kThreads) finish_da_kernel(int64_t count, int64_t ranges, const float* sums, float* da) {
  const int64_t first = team_index(blockIdx.x) * kElements;
  add_ranges<kElements>(first < count, sums + first, ranges, count, 1.0f, da + first);
}

/** The first `db_blocks` blocks add up db, the others g. */
template <int kElements>
__global__ void __launch_bounds__(kThreads)
    finish_g_and_db_kernel(const __grid_constant__ SlabWork work, int64_t slab_columns, int64_t window, int64_t db_blocks) {
  const int64_t rank = work.narrow_columns;
  if (blockIdx.x < db_blocks) {
    int64_t first = team_index(blockIdx.x) * kElements;
    int which = 0;
    while (which < work.parts && first >= work.part[which].columns * rank) first -= work.part[which++].columns * rank;
    const bool inside = which < work.parts;
    const SlabPart& part = work.part[inside ? which : 0];
    const int64_t column = first / rank, n = first % rank + part.first_narrow - window_start(part);
    const int64_t unit = part.first_unit + column / slab_columns * part.windows + n / window;
    const float* sums = work.column_sums + (unit * slab_columns + column % slab_columns) * window + n % window;
    add_ranges<kElements>(inside, sums, work.ranges, work.units * slab_columns * window, work.scale, part.gradient + first);
    return;
  }
  const int64_t groups = work.stride / kElements;
  const int64_t e = (blockIdx.x - db_blocks) * kThreads + threadIdx.x;
  const int64_t row = e / groups, first = e % groups * kElements;
  if (row >= work.rows) return;
  Floats<kElements> total = {};
  const int64_t which = first / rank;
  if (which < work.parts) {
    const SlabPart& part = work.part[which];
    const int64_t n = first - window_start(part);
    const int64_t slabs = (part.columns + slab_columns - 1) / slab_columns;
    const float* sums = work.row_sums + ((part.first_unit + n / window) * work.rows + row) * window + n % window;
#pragma unroll 4
    for (int64_t slab = 0; slab < slabs; ++slab) {
      const Floats<kElements> x = load_floats<kElements>(sums + slab * part.windows * work.rows * window);
#pragma unroll
      for (int i = 0; i < kElements; ++i) total.value[i] += x.value[i];
    }
  }
  Element* to = work.g + row * work.stride + first;
  if constexpr (kElements == 4) {
    auto* pairs = reinterpret_cast<__nv_bfloat162*>(to);
    pairs[0] = __floats2bfloat162_rn(total.value[0], total.value[1]);
    pairs[1] = __floats2bfloat162_rn(total.value[2], total.value[3]);
  } else {
    *to = __float2bfloat16_rn(total.value[0]);
  }
}

/** Numbers the units of slabs of `slab_columns` and windows of `window`. */
void number_units(SlabWork& work, int64_t slab_columns, int64_t window) {
  work.units = 0;
  for (int i = 0; i < work.parts; ++i) {
    SlabPart& part = work.part[i];
    part.first_unit = work.units;
    part.windows = (part.first_narrow - window_start(part) + work.narrow_columns + window - 1) / window;
    work.units += (part.columns + slab_columns - 1) / slab_columns * part.windows;
  }
}

/** Relative to a range's pass: column sums are written and read as 4 bytes, the wide matrix read as 2. */
double column_traffic(int64_t rows, int64_t window) { return 4.0 * static_cast<double>(window) / static_cast<double>(rows); }

/** `limit`: of the ranges, by their scratch. */
template <int kColumnTiles, int kTiles, bool kWithG>
void launch_slabs(const CudaTarget& target, SlabWork& work, int64_t limit, const char* what) {
  using S = Slab<kColumnTiles, kTiles, kWithG>;
  const int64_t tiles = (work.rows + S::kRows - 1) / S::kRows;
  work.ranges =
      best_split(work.units, std::min(limit, tiles), target.multiprocessors, column_traffic(work.rows, S::kWindow)).parts;
  work.stages = std::min(kMostStages, (target.shared_memory - S::kSumBytes) / S::kStageBytes);
  const int bytes = work.stages * S::kStageBytes + S::kSumBytes;
  const auto kernel = slab_kernel<kColumnTiles, kTiles, kWithG>;
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), what);
  kernel<<<static_cast<unsigned>(work.units * work.ranges), kThreads, bytes, target.stream>>>(work);
  check_launch(what);
}

/** g and db of as many rows at a time as the scratch for g's sums takes. */
template <int kColumnTiles, int kTiles>
void g_and_db(const CudaTarget& target, SlabWork work, void* scratch) {
  using S = Slab<kColumnTiles, kTiles, true>;
  number_units(work, S::kColumns, S::kWindow);
  constexpr int64_t kFloat = sizeof(float);
  const int64_t fitting = kRowSumBytes / (std::max<int64_t>(work.units, 1) * S::kWindow * kFloat);
  const int64_t rows_at_once = std::max<int64_t>(fitting / S::kRows, 1) * S::kRows;
  const int64_t limit = kColumnSumBytes / (std::max<int64_t>(work.units, 1) * S::kColumns * S::kWindow * kFloat);
  work.column_sums = static_cast<float*>(scratch);
  work.row_sums = work.column_sums + kColumnSumBytes / kFloat;
  bool vector = work.narrow_columns % 4 == 0;
  int64_t db_count = 0;
  for (int i = 0; i < work.parts; ++i) {
    vector = vector && reinterpret_cast<uintptr_t>(work.part[i].gradient) % 16 == 0;
    db_count += work.part[i].columns * work.narrow_columns;
  }
  const int64_t elements = vector ? 4 : 1;
  const int64_t all_rows = work.rows;
  const Element *wide = work.wide, *narrow = work.narrow;
  Element* g = work.g;
  for (int64_t first = 0; first < all_rows; first += rows_at_once) {
    work.rows = std::min(rows_at_once, all_rows - first);
    work.wide = wide + first * work.width;
    work.narrow = narrow + first * work.stride;
    work.g = g + first * work.stride;
    if (work.units > 0) {
      launch_slabs<kColumnTiles, kTiles, true>(target, work, limit, "computing the gradient of an adapter's B");
    }
    const int64_t teams = work.units > 0 && work.ranges > 1 ? db_count / elements : 0;
    const int64_t db_blocks = (teams + kTeamsInBlock - 1) / kTeamsInBlock;
    const int64_t blocks = db_blocks + (work.rows * (work.stride / elements) + kThreads - 1) / kThreads;
    const auto finish = vector ? finish_g_and_db_kernel<4> : finish_g_and_db_kernel<1>;
    finish<<<static_cast<unsigned>(blocks), kThreads, 0, target.stream>>>(work, S::kColumns, S::kWindow, db_blocks);
    check_launch("adding up the gradient of an adapter's B");
  }
}

/** The time of g_and_db with this slab, in any unit. */
template <int kColumnTiles, int kTiles>
double expected_time(const CudaTarget& target, SlabWork work) {
  using S = Slab<kColumnTiles, kTiles, true>;
  number_units(work, S::kColumns, S::kWindow);
  const int64_t tiles = (work.rows + S::kRows - 1) / S::kRows;
  const double split = best_split(work.units, tiles, target.multiprocessors, column_traffic(work.rows, S::kWindow)).time;
  const double row_sums = 4.0 * S::kWindow / S::kColumns * static_cast<double>(work.units) / target.multiprocessors;
  return kColumnTiles * (split + row_sums);
}

void g_and_db(const CudaTarget& target, const SlabWork& work, void* scratch) {
  int64_t widest = 0;
  for (int i = 0; i < work.parts; ++i) {
    widest = std::max(widest, work.part[i].first_narrow - window_start(work.part[i]) + work.narrow_columns);
  }
  if (widest > 16) {
    g_and_db<4, 4>(target, work, scratch);
  } else if (expected_time<8, 2>(target, work) < expected_time<4, 2>(target, work)) {
    g_and_db<8, 2>(target, work, scratch);
  } else {
    g_and_db<4, 2>(target, work, scratch);
  }
}

template <int kTiles>
void da(const CudaTarget& target, SlabWork work) {
  using S = Slab<kDaColumnTiles, kTiles, false>;
  number_units(work, S::kColumns, S::kWindow);
  const int64_t count = work.narrow_columns * work.width;
  launch_slabs<kDaColumnTiles, kTiles, false>(target, work, kColumnSumBytes / (count * static_cast<int64_t>(sizeof(float))),
                                              "computing the gradient of an adapter's A");
  if (work.ranges == 1) return;
  float* gradient = work.part[0].gradient;
  const bool vector = count % 4 == 0 && reinterpret_cast<uintptr_t>(gradient) % 16 == 0;
  const int64_t teams = vector ? count / 4 : count;
  const auto finish = vector ? finish_da_kernel<4> : finish_da_kernel<1>;
  finish<<<static_cast<unsigned>((teams + kTeamsInBlock - 1) / kTeamsInBlock), kThreads, 0, target.stream>>>(
      count, work.ranges, work.column_sums, gradient);
  check_launch("adding up the gradient of an adapter's A");
}

}  // namespace

template <class T>
void lora_g_and_db(const CudaTarget& target, const LinearBackward& op, int64_t stride, const T* b, void* scratch) {
  const LinearLora& lora = op.lora;
  if (op.rows == 0 || lora.columns() == 0) return;
  const T *dy = as<T>(op.dy), *xa = as<T>(op.xa);
  if constexpr (std::is_same_v<T, float>) {
    multiply(target, {op.rows, stride, op.out, dy, b, {op.out, 1}, {stride, 1}, as<T>(op.g), {stride, 1}}, scratch);
    for (int i = 0; i < lora.parts; ++i) {
      const LinearLora::Part& part = lora.part[i];
      multiply(target, {part.columns, lora.rank, op.rows, dy + part.first_column, xa + i * lora.rank, {1, op.out},
                        {stride, 1}, op.db[i], {lora.rank, 1}, lora.scale, true}, scratch);
    }
  } else {
    SlabWork work;
    work.rows = op.rows, work.width = op.out, work.stride = stride;
    work.wide = dy, work.narrow = xa, work.b = b, work.g = as<T>(op.g);
    work.parts = lora.parts, work.narrow_columns = lora.rank, work.scale = lora.scale;
    work.aligned = splits_into_packs<T>(op.out, dy);
    for (int i = 0; i < lora.parts; ++i) {
      const LinearLora::Part& part = lora.part[i];
      work.part[i].first_column = part.first_column, work.part[i].columns = part.columns;
      work.part[i].first_narrow = i * lora.rank, work.part[i].gradient = op.db[i];
      work.aligned = work.aligned && part.first_column % kPack == 0;
    }
    g_and_db(target, work, scratch);
  }
}

template <class T>
void lora_da(const CudaTarget& target, int64_t rows, int64_t in, int64_t columns, int64_t stride, const T* g, const T* x,
             float* da, void* scratch) {
  if (rows == 0 || columns == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    multiply(target, {in, columns, rows, x, g, {1, in}, {stride, 1}, da, {1, in}, 1.0f, true}, scratch);
  } else {
    SlabWork work;
    work.rows = rows, work.width = in, work.stride = stride;
    work.wide = x, work.narrow = g;
    work.parts = 1, work.narrow_columns = columns;
    work.part[0].columns = in, work.part[0].gradient = da;
    work.column_sums = static_cast<float*>(scratch);
    work.aligned = splits_into_packs<T>(in, x);
    // Windows of equal width, none wider than 64.
    const int64_t pairs = (columns + 15) / 16, windows = (pairs + 3) / 4, pairs_of_window = (pairs + windows - 1) / windows;
    if (pairs_of_window == 1) {
      tunesmith::da<2>(target, work);
    } else if (pairs_of_window == 2) {
      tunesmith::da<4>(target, work);
    } else if (pairs_of_window == 3) {
      tunesmith::da<6>(target, work);
    } else {
      tunesmith::da<8>(target, work);
    }
  }
}

template void lora_g_and_db(const CudaTarget&, const LinearBackward&, int64_t, const float*, void*);
template void lora_g_and_db(const CudaTarget&, const LinearBackward&, int64_t, const __nv_bfloat16*, void*);
template void lora_da(const CudaTarget&, int64_t, int64_t, int64_t, int64_t, const float*, const float*, float*, void*);
template void lora_da(const CudaTarget&, int64_t, int64_t, int64_t, int64_t, const __nv_bfloat16*, const __nv_bfloat16*,
                      float*, void*);

}  // namespace tunesmith
