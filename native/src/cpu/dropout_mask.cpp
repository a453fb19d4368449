#include "cpu/dropout_mask.h"

#include <omp.h>

#include <algorithm>

namespace tunesmith {

namespace {

template <bool kAdd>
void mask_row(const DropoutMask& mask, int64_t row, int64_t width, const float* x, float* y) {
  for (int64_t first = 0; first < width; first += DropoutMask::kBlock) {
    const DropoutMask::Factors factors = mask.factors(row, first / DropoutMask::kBlock);
    const int64_t count = std::min<int64_t>(DropoutMask::kBlock, width - first);
    for (int64_t k = 0; k < count; ++k) {
      // A factor of 0 leaves out what is not a number, too.
      const float value = factors.of[k] == 0.0f ? 0.0f : x[first + k] * factors.of[k];
      y[first + k] = kAdd ? y[first + k] + value : value;
    }
  }
}

}  // namespace

void apply_mask(int threads, const DropoutMask& mask, int64_t rows, int64_t width, const float* x, float* y, bool add) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = x + row * width;
    float* to = y + row * width;
    add ? mask_row<true>(mask, row, width, from, to) : mask_row<false>(mask, row, width, from, to);
  }
}

}  // namespace tunesmith
