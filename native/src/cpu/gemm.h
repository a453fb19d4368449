#pragma once
#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace tunesmith {

/** c [m, n] = alpha·op(a)·op(b) + beta·c on the calling thread. */
inline void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
                 int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, ta, tb, static_cast<blasint>(m), static_cast<blasint>(n), static_cast<blasint>(k), alpha,
              a, static_cast<blasint>(lda), b, static_cast<blasint>(ldb), beta, c, static_cast<blasint>(ldc));
}

/** A rectangle of a product's output. */
struct Tile {
  int64_t row, rows, column, columns;
};

/**
 * Calls `work` for tiles that cover the output [m, n] of a product over k, on `threads` threads, or on one where the product
 * is too small to wake the others for.
 *
 * Why not OpenBLAS' own threads: they wait for one another in busy loops several times a product, which on a machine that
 * does other work costs a multiple of the product (measured at a load of 10 on 2 cores: 276 tokens/s on two threads, 838
 * on one). Here a tile is one thread's, and a thread that is held up takes fewer tiles. The tiles depend on the shape
 * alone, so the bits do not depend on the number of threads.
 */
template <class Work>
void for_tiles(int threads, int64_t m, int64_t n, int64_t k, const Work& work) {
  if (m == 0 || n == 0) return;
  constexpr int64_t kEnough = 8, kSmallest = 32, kWorthWaking = int64_t{1} << 20;
  if (m * n < kWorthWaking / k) threads = 1;
  int64_t rows = std::min<int64_t>(m, 256), columns = std::min<int64_t>(n, 1024);
  const auto count = [&] { return ((m + rows - 1) / rows) * ((n + columns - 1) / columns); };
  while (count() < kEnough && std::max(rows, columns) >= 2 * kSmallest) {
    int64_t& larger = rows > columns ? rows : columns;
    larger = (larger / 2 + 15) / 16 * 16;
  }
  const int64_t across = (n + columns - 1) / columns, tiles = count();
  omp_set_num_threads(1);  // OpenBLAS follows it: every call computes on its own thread
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t row = i / across * rows, column = i % across * columns;
    work(Tile{row, std::min(rows, m - row), column, std::min(columns, n - column)});
  }
}

}  // namespace tunesmith
