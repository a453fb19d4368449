#pragma once
#include <cstdint>

#include "cuda/device.h"

namespace tunesmith::lora {

/** c (i, j) = scale · Σ over k of a (i, k) · b (k, j), or += that, for i < m, j < n; element (i, j) of a matrix lies
    i·row + j·column behind its address. */
struct Product32 {
  struct Step {
    int64_t row = 0, column = 0;
  };
  int64_t m = 0, n = 0, k = 0;
  const float *a = nullptr, *b = nullptr;
  Step a_step, b_step;
  float* c = nullptr;
  Step c_step;
  float scale = 1;
  bool add = false;
};
void multiply(const CudaTarget&, const Product32&, void* scratch);

}  // namespace tunesmith::lora
