#pragma once
#include <cuda.h>

#include <cstdint>

namespace tunesmith {

/** The copy engine's view of a row-major bf16 matrix: boxes of `box_rows` rows × 64 columns, 128-byte swizzled, zeros
    outside. `p` 16-byte aligned, `stride` (elements between rows) a multiple of 8. */
CUtensorMap tensor_map(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows);

/** The same with each 32 rows in another order: row 8·q + 2·j + e (q, j < 4, e < 2) comes as the (8·j + 2·q + e)th. As the
    operand whose rows are a product's columns, it gives the thread q of a quad, which holds columns 2·q and 2·q + 1 of each
    eight, eight neighbouring ones. `rows` and `box_rows` are multiples of 32. */
CUtensorMap tensor_map_permuted(const void* p, int64_t rows, int64_t columns, int64_t stride, uint32_t box_rows);

}  // namespace tunesmith
