#include "cuda/tensor_map.h"

#include <cuda_runtime.h>

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

}  // namespace

CUtensorMap tensor_map(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows) {
  static const Encode encode = driver_encode();
  CUtensorMap map;
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[1] = {static_cast<cuuint64_t>(stride) * 2};
  const cuuint32_t box[2] = {64, box_rows}, steps[2] = {1, 1};
  const CUresult result =
      encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(p), sizes, strides, box, steps,
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) throw Error("device-failed", "The GPU's driver refused a tensor map (" + std::to_string(result) + ").");
  return map;
}

}  // namespace tunesmith
