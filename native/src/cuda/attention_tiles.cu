/**
 * The tile list of the attention kernels: documents, any number of any length, cut into blocks of `block` rows, so that one
 * launch covers a packed batch without the host knowing where its documents begin.
 *
 * One block of threads; 1,024 documents at a time: a prefix sum of their tile counts, then every thread looks up the
 * documents of its tiles. Bytes: 12 a tile, 4 a document; about 3 µs, which is the launch.
 * Limits: rows and tiles below 2^31.
 */
#include <algorithm>

#include "cuda/attention.h"
#include "cuda/check.h"

namespace tunesmith {

namespace {

constexpr int kThreads = 1024, kWarps = kThreads / 32;

/** Of x over the threads of the block, this one's included. */
__device__ int inclusive_sum(int x, int* shared) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int distance = 1; distance < 32; distance *= 2) {
    const int below = __shfl_up_sync(0xffffffffu, x, distance);
    if (lane >= distance) x += below;
  }
  if (lane == 31) shared[warp] = x;
  __syncthreads();
  if (warp == 0) {
    int total = shared[lane];
    for (int distance = 1; distance < kWarps; distance *= 2) {
      const int below = __shfl_up_sync(0xffffffffu, total, distance);
      if (lane >= distance) total += below;
    }
    shared[lane] = total;
  }
  __syncthreads();
  return warp == 0 ? x : x + shared[warp - 1];
}

__global__ void __launch_bounds__(kThreads)
list_tiles(int documents, const int32_t* starts, int first_row, int block, int limit, AttentionTile* tiles) {
  __shared__ int warp_sums[kWarps];
  __shared__ int tiles_through[kThreads];  // of this round's documents up to and with this one
  __shared__ int begins[kThreads + 1];
  int listed = 0;
  for (int first = 0; first < documents; first += kThreads) {
    const int here = min(documents - first, kThreads);
    int count = 0;
    if (static_cast<int>(threadIdx.x) < here) {
      const int begin = starts[first + threadIdx.x], end = starts[first + threadIdx.x + 1];
      begins[threadIdx.x] = begin;
      if (static_cast<int>(threadIdx.x) == here - 1) begins[here] = end;
      count = max(0, end - max(begin, first_row) + block - 1) / block;
    }
    tiles_through[threadIdx.x] = inclusive_sum(count, warp_sums);
    __syncthreads();
    const int total = tiles_through[kThreads - 1];
    for (int i = threadIdx.x; i < total && listed + i < limit; i += kThreads) {
      int low = 0, high = here - 1;  // the first document with more than i tiles up to its end
      while (low < high) {
        const int middle = (low + high) / 2;
        if (tiles_through[middle] > i) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      AttentionTile tile;
      tile.begin = begins[low];
      tile.end = begins[low + 1];
      tile.first = max(tile.begin, first_row) + (tiles_through[low] - 1 - i) * block;
      tiles[listed + i] = tile;
    }
    listed += total;
    __syncthreads();  // the shared lists are the next round's
  }
  for (int i = listed + threadIdx.x; i < limit; i += kThreads) tiles[i] = AttentionTile{};
}

}  // namespace

void list_attention_tiles(const CudaTarget& target, int64_t documents, const int32_t* starts, int64_t first_row,
                          int64_t block, int64_t limit, AttentionTile* tiles) {
  list_tiles<<<1, kThreads, 0, target.stream>>>(static_cast<int>(documents), starts, static_cast<int>(first_row),
                                                static_cast<int>(block), static_cast<int>(limit), tiles);
  check_launch("listing attention's tiles");
}

size_t attention_scratch_bytes(const AttentionShape& shape, int64_t tokens) {
  // Generation may run prompts longer than the training's batch.
  constexpr int64_t kLeastTokens = 4096, kSmallestBlock = 16, kCounters = 512;
  tokens = std::max(tokens, kLeastTokens);
  const int64_t tiles = attention_tile_limit(tokens, tokens, kSmallestBlock);  // at worst a document is one token
  const auto aligned = [](int64_t bytes) { return (bytes + 255) / 256 * 256; };
  return static_cast<size_t>(kCounters + 2 * aligned(tiles * static_cast<int64_t>(sizeof(AttentionTile))) +
                             aligned(tokens * shape.query_heads * static_cast<int64_t>(sizeof(float2))));
}

}  // namespace tunesmith
