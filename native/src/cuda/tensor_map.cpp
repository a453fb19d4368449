#include "cuda/tensor_map.h"

#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/check.h"
#include "error.h"

namespace tunesmith {

namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/** From the driver that is there: linking libcuda would keep the engine from starting without one. */
Encode driver_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found;
  check_cuda(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found),
             "asking the driver for tensor maps");
  if (found != cudaDriverEntryPointSuccess) throw Error("device-failed", "The GPU's driver has no tensor maps; update it.");
  return reinterpret_cast<Encode>(function);
}

template <int Rank>
CUtensorMap encode(const void* p, const cuuint64_t (&sizes)[Rank], const cuuint64_t (&strides)[Rank - 1],
                   const cuuint32_t (&box)[Rank]) {
  static const Encode call = driver_encode();
  cuuint32_t steps[Rank];
  std::fill_n(steps, Rank, 1);
  CUtensorMap map;
  const CUresult result = call(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, Rank, const_cast<void*>(p), sizes, strides, box, steps,
                               CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                               CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw Error("device-failed", "The GPU's driver refused a tensor map (" + std::to_string(result) + ").");
  }
  return map;
}

}  // namespace

CUtensorMap tensor_map(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows) {
  const auto size = [](int64_t n) { return static_cast<cuuint64_t>(n); };
  return encode<2>(p, {size(columns), size(rows)}, {size(stride) * 2}, {64, box_rows});
}

CUtensorMap tensor_map_permuted(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows) {
  const auto size = [](int64_t n) { return static_cast<cuuint64_t>(n); };
  const cuuint64_t row = size(stride) * 2;
  return encode<5>(p, {size(columns), 2, 4, 4, size(rows / 32)}, {row, 8 * row, 2 * row, 32 * row},
                   {64, 2, 4, 4, box_rows / 32});
}

}  // namespace tunesmith
