#pragma once
#include <cuda_bf16.h>

#include <cstdint>

#include "cuda/device.h"
#include "dropout.h"

namespace tunesmith {

/** y = the mask ∘ x, or y += that: [rows, width]. T: __nv_bfloat16 or float. */
template <class T>
void apply_mask(const CudaTarget&, const DropoutMask&, int64_t rows, int64_t width, const T* x, T* y, bool add);

}  // namespace tunesmith
