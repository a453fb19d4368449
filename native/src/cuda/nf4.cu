/**
 * 4-bit weights (NF4), numerically as bitsandbytes computes them.
 *
 *   quantise:   code = nearest level to w / absmax of its block of 64;
 *               scale code = nearest of the dynamic map's 256 to (absmax - mean) / nested absmax of its 256 blocks
 *   dequantise: w = level[code] · (map[scale code] · nested absmax + mean), every operation rounded to float32
 *
 * Memory of a matrix, each region 256-byte aligned from its start:
 *   header | nested absmax: float, per part a slot for each 256 blocks | scale codes: a byte a block |
 *   codes: 4 bits an element in row-major order, the first of a byte in its high bits; padded to whole warps' work
 *
 * Dequantise, once a product: reads 0.516 bytes a weight, writes 2 (bfloat16): 2.52 bytes, 28 µs for [16384, 2048] at
 * 3 TB/s. Quantise, once at loading: reads the staged weights twice. Limits: a part is a whole number of 64-element blocks.
 */
#include "cuda/nf4.h"

#include <algorithm>
#include <cfloat>
#include <cstring>
#include <string>

#include "cuda/check.h"
#include "cuda/element.cuh"
#include "io/bitsandbytes.h"

namespace tunesmith {

namespace {

constexpr int64_t kBlock = 64, kNested = 256;
constexpr int64_t kBlockBytes = kBlock / 2;
constexpr int kWord = 8;  // codes that a thread handles at once: 4 bytes
constexpr int64_t kBlockWords = kBlock / kWord;
constexpr int kWarpBlocks = 32;  // that a warp widens

/** By part. The first part's first_block is 0; behind the last part it is INT64_MAX. */
struct Header {
  int64_t parts;
  int64_t first_block[kMaxLinearParts];
  int64_t first_slot[kMaxLinearParts];  // of nested absmax
  float mean[kMaxLinearParts];
  float map[kMaxLinearParts][kNested];
};

/** Where the regions begin. */
struct Layout {
  explicit Layout(const WeightShape& shape) : blocks((shape.rows * shape.columns + kBlock - 1) / kBlock) {
    // A part's last nested block may be short: one more slot for each part but one.
    const int64_t slots = (blocks + kNested - 1) / kNested + kMaxLinearParts - 1;
    nested = align(sizeof(Header));
    scales = align(nested + static_cast<size_t>(slots) * sizeof(float));
    codes = align(scales + static_cast<size_t>(blocks));
    const int64_t padded = (blocks + kWarpBlocks - 1) / kWarpBlocks * kWarpBlocks;
    bytes = codes + static_cast<size_t>(padded * kBlockBytes);
  }
  static size_t align(size_t bytes) { return (bytes + 255) / 256 * 256; }
  int64_t blocks;
  size_t nested, scales, codes, bytes;
};

/** The addresses of one part's data. */
struct PartData {
  int64_t blocks;
  float *mean, *map, *nested;
  uint8_t* scales;
  uint32_t* codes;
};

/** Enters the part into the header, and says where its data go. */
PartData enter_part(const CudaTarget& target, const WeightShape& shape, int64_t first_row, int64_t part_rows, float mean,
                    const float* map, void* matrix) {
  constexpr const char* kLoading = "loading 4-bit weights";
  const int64_t first = first_row * shape.columns, count = part_rows * shape.columns;
  if (first % kBlock != 0 || count % kBlock != 0) {
    throw Error("nf4-shape", "Rows " + std::to_string(first_row) + " to " + std::to_string(first_row + part_rows) +
                                 " of a matrix with " + std::to_string(shape.columns) +
                                 " columns are no whole number of 64-element blocks, which 4-bit weights need.");
  }
  Header header{};
  if (first_row > 0) {
    check_cuda(cudaMemcpyAsync(&header, matrix, sizeof header, cudaMemcpyDeviceToHost, target.stream), kLoading);
    check_cuda(cudaStreamSynchronize(target.stream), kLoading);
  }
  if (first_row > 0 && (header.parts < 1 || header.parts > kMaxLinearParts)) {
    throw Error("nf4-parts", "The parts of a 4-bit matrix must be loaded in the order of their rows.");
  }
  const int64_t block = first / kBlock;
  int64_t index = 0;
  while (index < header.parts && header.first_block[index] < block) ++index;
  if (index == kMaxLinearParts || (index < header.parts && header.first_block[index] != block)) {
    throw Error("nf4-parts", "The parts of a 4-bit matrix must be loaded in the order of their rows, at most " +
                                 std::to_string(kMaxLinearParts) + " of them.");
  }
  header.parts = std::max(header.parts, index + 1);
  for (int64_t i = header.parts; i < kMaxLinearParts; ++i) header.first_block[i] = INT64_MAX;
  header.first_block[index] = block;
  // Each part before may have left one slot short of its 256 blocks.
  header.first_slot[index] = block / kNested + index;
  header.mean[index] = mean;
  std::memcpy(header.map[index], map, sizeof header.map[index]);
  check_cuda(cudaMemcpyAsync(matrix, &header, sizeof header, cudaMemcpyHostToDevice, target.stream), kLoading);
  check_cuda(cudaStreamSynchronize(target.stream), kLoading);

  const Layout layout(shape);
  auto* base = static_cast<std::byte*>(matrix);
  auto* on_device = reinterpret_cast<Header*>(base);
  return {count / kBlock, &on_device->mean[index], on_device->map[index],
          reinterpret_cast<float*>(base + layout.nested) + header.first_slot[index],
          reinterpret_cast<uint8_t*>(base + layout.scales) + block,
          reinterpret_cast<uint32_t*>(base + layout.codes) + block * kBlockWords};
}

// Tables ---------------------------------------------------------------------------------------------------------------

struct Levels {
  float value[16];
};
constexpr Levels levels() {
  Levels out{};
  for (size_t i = 0; i < 16; ++i) out.value[i] = kNf4Levels[i];
  return out;
}
/** Entry i lies between codes i and i + 1. */
constexpr Levels bounds() {
  Levels out{};
  for (size_t i = 0; i < 15; ++i) out.value[i] = (kNf4Levels[i] + kNf4Levels[i + 1]) * 0.5f;
  return out;
}
__device__ const Levels kLevels = levels();
__constant__ const Levels kBounds = bounds();

// Quantisation ---------------------------------------------------------------------------------------------------------

template <class T>
__device__ void load_eight(const T* from, float (&x)[kWord]) {
#pragma unroll
  for (int first = 0; first < kWord; first += Pack<T>::kCount) {
    const Pack<T> pack = load_pack(from + first);
#pragma unroll
    for (int i = 0; i < Pack<T>::kCount; ++i) x[first + i] = to_float(pack.value[i]);
  }
}

/** The largest |x| of the block that this thread and its 7 neighbours hold. */
__device__ float block_absmax(const float (&x)[kWord]) {
  float largest = 0;
#pragma unroll
  for (int i = 0; i < kWord; ++i) largest = fmaxf(largest, fabsf(x[i]));
#pragma unroll
  for (int distance = 1; distance < kBlockWords; distance *= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
  }
  return largest;
}

/** What brings the largest value to 1. A block of zeros stays one. */
__device__ float reciprocal(float absmax) { return __fdiv_rn(1.0f, fmaxf(absmax, 1e-38f)); }

constexpr int kThreads = 256;

template <class T>
__global__ void find_absmax(int64_t words, const T* __restrict__ staged, float* __restrict__ absmax) {
  const int64_t word = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  float x[kWord] = {};
  if (word < words) load_eight(staged + word * kWord, x);
  const float largest = block_absmax(x);
  if (word < words && word % kBlockWords == 0) absmax[word / kBlockWords] = largest;
}

/** One block of threads for the whole part, so that the order of the sum is fixed. */
__global__ void find_mean(int64_t blocks, const float* __restrict__ absmax, float* __restrict__ mean) {
  __shared__ double shared[32];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < blocks; i += blockDim.x) sum += absmax[i];
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0) *mean = static_cast<float>(sum / static_cast<double>(blocks));
}

/** A block of threads for each nested block. */
__global__ void quantise_scales(int64_t blocks, const float* __restrict__ absmax, const float* __restrict__ mean,
                                const float* __restrict__ part_map, float* __restrict__ nested,
                                uint8_t* __restrict__ scales) {
  __shared__ float map[kNested], largest[kNested / 32];
  const int64_t block = blockIdx.x * kNested + threadIdx.x;
  map[threadIdx.x] = part_map[threadIdx.x];
  const float x = block < blocks ? __fsub_rn(absmax[block], *mean) : 0.0f;
  const float of_warp = warp_max(fabsf(x));
  if (threadIdx.x % 32 == 0) largest[threadIdx.x / 32] = of_warp;
  __syncthreads();
  float of_all = 0;
#pragma unroll
  for (float one : largest) of_all = fmaxf(of_all, one);
  if (threadIdx.x == 0) nested[blockIdx.x] = of_all;
  // The map ascends: the nearest is as far in as there are midpoints below x.
  const float scaled = __fmul_rn(x, reciprocal(of_all));
  int low = 0, high = kNested - 1;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (scaled > (map[middle] + map[middle + 1]) * 0.5f) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (block < blocks) scales[block] = static_cast<uint8_t>(low);
}

template <class T>
__global__ void quantise_codes(int64_t words, const T* __restrict__ staged, uint32_t* __restrict__ codes) {
  const int64_t word = blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x;
  float x[kWord] = {};
  if (word < words) load_eight(staged + word * kWord, x);
  const float by = reciprocal(block_absmax(x));
  uint32_t out = 0;
#pragma unroll
  for (int i = 0; i < kWord; ++i) {
    const float scaled = __fmul_rn(x[i], by);
    uint32_t code = 0;
#pragma unroll
    for (int k = 0; k < 15; ++k) code += scaled > kBounds.value[k];
    out |= code << (i / 2 * 8 + (i % 2 == 0 ? 4 : 0));
  }
  if (word < words) codes[word] = out;
}

// Dequantisation -------------------------------------------------------------------------------------------------------

constexpr int kWarps = 4;

template <class T>
__device__ void store_eight(T* to, const float (&x)[kWord]) {
#pragma unroll
  for (int first = 0; first < kWord; first += Pack<T>::kCount) {
    float some[Pack<T>::kCount];
#pragma unroll
    for (int i = 0; i < Pack<T>::kCount; ++i) some[i] = x[first + i];
    store_global(to + first, round_pack<T>(some));
  }
}

/** A warp widens kWarpBlocks blocks; each lane computes the scale of one. Each load and store of the warp is contiguous:
    word j of a lane is the warp's word 32·j + lane. Levels and scales stay in the lanes' registers and are fetched by
    shuffles, so that nothing waits for a table in memory. The last warp reads on into the padding behind the codes. */
template <class T>
__global__ void __launch_bounds__(kWarps * 32)
    dequantise(int64_t blocks, const Header* __restrict__ header, const float* __restrict__ nested,
               const uint8_t* __restrict__ scales, const uint32_t* __restrict__ codes, T* __restrict__ out) {
  constexpr int kLaneWords = kWarpBlocks * static_cast<int>(kBlockWords) / 32;
  const int lane = threadIdx.x % 32;
  const int64_t first = (blockIdx.x * static_cast<int64_t>(kWarps) + threadIdx.x / 32) * kWarpBlocks;
  if (first >= blocks) return;
  codes += first * kBlockWords + lane;
  out += first * kBlock + lane * kWord;

  const int64_t block = min(first + lane, blocks - 1);
  const int code = scales[block];
  uint32_t word[kLaneWords];
#pragma unroll
  for (int j = 0; j < kLaneWords; ++j) word[j] = __ldcs(codes + j * 32);
  const float level = kLevels.value[lane % 16];

  int64_t start = 0, slot = header->first_slot[0];
  float mean = header->mean[0];
  const float* map = header->map[0];
#pragma unroll
  for (int p = 1; p < kMaxLinearParts; ++p) {
    const bool inside = block >= header->first_block[p];
    start = inside ? header->first_block[p] : start;
    slot = inside ? header->first_slot[p] : slot;
    mean = inside ? header->mean[p] : mean;
    map = inside ? header->map[p] : map;
  }
  const float scale = __fadd_rn(__fmul_rn(map[code], nested[slot + (block - start) / kNested]), mean);

  const int words = static_cast<int>(min(blocks - first, static_cast<int64_t>(kWarpBlocks))) * static_cast<int>(kBlockWords);
#pragma unroll
  for (int j = 0; j < kLaneWords; ++j) {
    const float by = __shfl_sync(0xffffffffu, scale, (j * 32 + lane) / static_cast<int>(kBlockWords));
    float x[kWord];
#pragma unroll
    for (int i = 0; i < kWord; ++i) {
      // A shuffle looks at the low five bits of the lane alone, and both half-warps hold the levels: no mask.
      x[i] = __shfl_sync(0xffffffffu, level, word[j] >> (i / 2 * 8 + (i % 2 == 0 ? 4 : 0))) * by;
    }
    if (j * 32 + lane < words) store_eight(out + j * 32 * kWord, x);
  }
}

unsigned grid(int64_t work, int64_t each) { return static_cast<unsigned>((work + each - 1) / each); }

}  // namespace

size_t nf4_bytes(const WeightShape& shape) { return Layout(shape).bytes; }

void check_nf4_part(const WeightShape& shape, int64_t first_row, const TensorView& from) {
  if (from.count() % kBlock == 0 && first_row * shape.columns % kBlock == 0) return;
  throw Error("nf4-shape", from.file + ": the tensor \"" + from.name + "\" with its " + std::to_string(from.count()) +
                               " values cannot be held in 4 bits, which takes them 64 at a time; train this model "
                               "without 4-bit weights.");
}

template <class T>
void nf4_quantise(const CudaTarget& target, const WeightShape& shape, int64_t first_row, int64_t part_rows,
                  const T* staged, void* matrix) {
  const std::array<float, 256> map = dynamic_map();
  const PartData part = enter_part(target, shape, first_row, part_rows, 0.0f, map.data(), matrix);
  if (part.blocks == 0) return;
  const int64_t words = part.blocks * kBlockWords;
  // Until the codes are written, their place (32 bytes a block) holds the scales as float32.
  auto* absmax = reinterpret_cast<float*>(part.codes);
  find_absmax<<<grid(words, kThreads), kThreads, 0, target.stream>>>(words, staged, absmax);
  check_launch("finding the scales of 4-bit weights");
  find_mean<<<1, 1024, 0, target.stream>>>(part.blocks, absmax, part.mean);
  check_launch("averaging the scales of 4-bit weights");
  quantise_scales<<<grid(part.blocks, kNested), kNested, 0, target.stream>>>(part.blocks, absmax, part.mean, part.map,
                                                                             part.nested, part.scales);
  check_launch("quantising the scales of 4-bit weights");
  quantise_codes<<<grid(words, kThreads), kThreads, 0, target.stream>>>(words, staged, part.codes);
  check_launch("quantising weights");
}

bool nf4_take_over(const CudaTarget& target, Device& device, const WeightShape& shape, int64_t first_row,
                   const TensorView& from, void* matrix) {
  if (!from.nf4 || !from.nf4->is_nested || from.nf4->block != kBlock || from.nf4->nested.block != kNested) return false;
  check_nf4_part(shape, first_row, from);
  const Nf4Tensor::Nested& nested = from.nf4->nested;
  const PartData part = enter_part(target, shape, first_row, from.count() / shape.columns, nested.offset, nested.map.data(),
                                   matrix);
  device.copy_to_device(part.nested, nested.absmax.data(), nested.absmax.size());
  device.copy_to_device(part.scales, from.nf4->absmax.data(), from.nf4->absmax.size());
  device.copy_to_device(part.codes, from.nf4->codes.data(), from.nf4->codes.size());
  return true;
}

template <class T>
void nf4_dequantise(const CudaTarget& target, const WeightShape& shape, const void* matrix, T* out) {
  const Layout layout(shape);
  if (layout.blocks == 0) return;
  const auto* base = static_cast<const std::byte*>(matrix);
  dequantise<<<grid(layout.blocks, kWarps * kWarpBlocks), kWarps * 32, 0, target.stream>>>(
      layout.blocks, reinterpret_cast<const Header*>(base), reinterpret_cast<const float*>(base + layout.nested),
      reinterpret_cast<const uint8_t*>(base + layout.scales), reinterpret_cast<const uint32_t*>(base + layout.codes), out);
  check_launch("widening 4-bit weights");
}

template void nf4_quantise(const CudaTarget&, const WeightShape&, int64_t, int64_t, const __nv_bfloat16*, void*);
template void nf4_quantise(const CudaTarget&, const WeightShape&, int64_t, int64_t, const float*, void*);
template void nf4_dequantise(const CudaTarget&, const WeightShape&, const void*, __nv_bfloat16*);
template void nf4_dequantise(const CudaTarget&, const WeightShape&, const void*, float*);

}  // namespace tunesmith
