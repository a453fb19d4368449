#pragma once
#include <cstdint>

#include "dropout.h"

namespace tunesmith {

/** y = the mask ∘ x, or y += that: [rows, width], float32. One pass: 8 bytes an element, 12 where it adds, and the quarter of
    a Philox block. The bits do not depend on the number of threads. */
void apply_mask(int threads, const DropoutMask&, int64_t rows, int64_t width, const float* x, float* y, bool add);

}  // namespace tunesmith
