#pragma once
#include <cuda.h>

#include <cstdint>

namespace tunesmith {

/** The copy engine's view of a row-major bf16 matrix: boxes of `box_rows` rows × 64 columns, 128-byte swizzled, zeros
    outside. `p` 16-byte aligned, `stride` (elements between rows) a multiple of 8. */
CUtensorMap tensor_map(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows);

}  // namespace tunesmith
