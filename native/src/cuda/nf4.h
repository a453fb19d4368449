#pragma once
#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

#include "cuda/device.h"

namespace tunesmith {

/*
 * A `product` weight in 4 bits, as QLoRA has it: NF4 codes in blocks of 64, the blocks' scales in 8 bits (double
 * quantisation, nested blocks of 256, less their mean). About 0.516 bytes a weight. The matrix may be uploaded in up to
 * kMaxLinearParts parts of whole rows, in the order of the rows, the one of row 0 first; each has a mean and nested blocks
 * of its own. T: __nv_bfloat16 or float.
 */

size_t nf4_bytes(const WeightShape&);

/** Throws Error naming the tensor where it is no whole number of blocks. */
void check_nf4_part(const WeightShape&, int64_t first_row, const TensorView& from);

/** Quantises rows [first_row, first_row + part_rows), `staged` on the device (16-byte aligned), to the codes that
    bitsandbytes gives them. For loading: waits for the ops before it. */
template <class T>
void nf4_quantise(const CudaTarget&, const WeightShape&, int64_t first_row, int64_t part_rows, const T* staged,
                  void* matrix);

/** Takes the codes and scales of a bitsandbytes tensor over, bit for bit. False where its blocks differ or its scales are
    not quantised: its values are then to be quantised like any other's (single scales lose nothing by it that double
    quantisation does not cost: the codes come out the same). */
bool nf4_take_over(const CudaTarget&, Device&, const WeightShape&, int64_t first_row, const TensorView& from, void* matrix);

/** out [rows, columns], 16-byte aligned. */
template <class T>
void nf4_dequantise(const CudaTarget&, const WeightShape&, const void* matrix, T* out);

}  // namespace tunesmith
