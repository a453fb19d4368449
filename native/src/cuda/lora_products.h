#pragma once
#include <cuda_bf16.h>

#include <cstdint>

#include "cuda/device.h"

namespace tunesmith {

/*
 * The adapter's skinny products: bound by the one pass over the wide matrix. `stride` columns (a multiple of 16) hold the
 * adapter's `columns` and zeros. T: __nv_bfloat16 or float. Deterministic: no atomics; partial sums go to `scratch`.
 * Any sizes; fast where the wide matrix has 16-byte aligned rows. What `stride` columns lie in (xa, g, a, b) is 16-byte
 * aligned.
 */

/** xa [rows, stride] = x [rows, in] · a [stride, in]ᵀ. */
template <class T>
void lora_xa(const CudaTarget&, int64_t rows, int64_t in, int64_t stride, const T* x, const T* a, T* xa, void* scratch);

/** One pass over dy: g [rows, stride] = dy [rows, out] · b [out, stride] (b already scaled), and for each part
    db [columns, rank] += scale · dyᵀ·xa. */
template <class T>
void lora_g_and_db(const CudaTarget&, const LinearBackward&, int64_t stride, const T* b, void* scratch);

/** da [columns, in] += g [rows, stride]ᵀ · x [rows, in]. */
template <class T>
void lora_da(const CudaTarget&, int64_t rows, int64_t in, int64_t columns, int64_t stride, const T* g, const T* x,
             float* da, void* scratch);

/** The largest scratch that the three need for products of up to `rows` rows: they split their work to fit into it. */
size_t lora_scratch_bytes(const CudaTarget&, int64_t rows, int64_t widest, int64_t stride);

/** copy = [a rounded: stride rows of `in` | scale·b rounded, parts on the diagonal: out rows of `stride`], zeros
    elsewhere. */
template <class T>
void lora_round(const CudaTarget&, const LinearLora&, int64_t in, int64_t out, int64_t stride, T* copy);

}  // namespace tunesmith
