#pragma once
#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

#include "cuda/device.h"

namespace tunesmith {

/** One block of rows of one document, the unit of work of the attention kernels. Empty (end == begin) past the last. */
struct AttentionTile {
  int32_t begin = 0, end = 0;  // the document's rows
  int32_t first = 0;           // the tile's first row
};

/** No more tiles of `block` rows than this lie in `rows` rows of `documents` documents. */
inline int64_t attention_tile_limit(int64_t rows, int64_t documents, int64_t block) { return rows / block + documents; }

/** Lists the tiles of all documents, those with the most keys first within a document; fills up to the limit with empty
    ones. Rows before `first_row` get no tile: the tiles of its document count from it. */
void list_attention_tiles(const CudaTarget&, int64_t documents, const int32_t* starts, int64_t first_row, int64_t block,
                          int64_t limit, AttentionTile* tiles);

/** Bytes of scratch that forward and backward need: 512 for counters, two tile lists of blocks of 16 rows or more, each from a
    multiple of 256 bytes on, and two floats a row and query head. For up to `tokens` rows in documents of a token or more. */
size_t attention_scratch_bytes(const AttentionShape&, int64_t tokens);

/** Where the backward keeps (lse, row sum of dout·out) [query_heads, rows]: behind a list of `limit` tiles. */
inline float2* attention_row_terms(void* scratch, int64_t limit) {
  const int64_t tiles = (limit * static_cast<int64_t>(sizeof(AttentionTile)) + 255) / 256 * 256;
  return reinterpret_cast<float2*>(static_cast<std::byte*>(scratch) + tiles);
}

/** float32, plain; the yardstick. Any head_dim up to 256. */
void attention_forward_f32(const CudaTarget&, const AttentionForward&, void* scratch);
void attention_backward_f32(const CudaTarget&, const AttentionBackward&, void* scratch);
/** The same for bf16 activations. */
void attention_forward_plain(const CudaTarget&, const AttentionForward&, void* scratch);
void attention_backward_plain(const CudaTarget&, const AttentionBackward&, void* scratch);

/** mma.sync, compute capability 8.0 and up; head_dim 64, 128, and any other multiple of 16 up to 128. */
inline bool attention_mma_takes(const AttentionShape& s) { return s.head_dim % 16 == 0 && s.head_dim <= 128; }
void attention_forward_mma(const CudaTarget&, const AttentionForward&, void* scratch);
void attention_backward_mma(const CudaTarget&, const AttentionBackward&, void* scratch);

/** wgmma and TMA, compute capability 9.0 alone; head_dim 64 and 128, no cached rows (first_row 0). */
bool attention_sm90_takes(const CudaTarget&, const AttentionShape&, int64_t first_row);
void attention_forward_sm90(const CudaTarget&, const AttentionForward&, void* scratch);
void attention_backward_sm90(const CudaTarget&, const AttentionBackward&, void* scratch);

}  // namespace tunesmith
