#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace tunesmith {

/** The 16 values of NF4, by code: quantiles of the normal distribution, scaled to [-1, 1]. */
inline constexpr std::array<float, 16> kNf4Levels = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/** The 256 values in [-1, 1], ascending, that double quantisation rounds scales to: the exponent in unary, the rest of the
    bits linear. The same bits as bitsandbytes' create_dynamic_map on PyTorch. */
std::array<float, 256> dynamic_map();

/** A matrix as bitsandbytes stores it in 4 bits, in a mapped file: value i is level[code i] · scale(i / block), rounded to
    `dtype`. Two codes a byte, the first in the high bits. */
struct Nf4Tensor {
  /** Of the scales, when they are quantised in turn: scale(b) = map[absmax b] · absmax of its nested block + offset. */
  struct Nested {
    int64_t block = 0;
    float offset = 0;
    std::array<float, 256> map{};
    std::span<const std::byte> absmax;  // float32, one a nested block
  };
  DType dtype = DType::bf16;
  int64_t count = 0;
  int64_t block = 0;
  std::span<const std::byte> codes;
  std::span<const std::byte> absmax;  // one a block: a byte when `nested`, else a float32
  bool is_nested = false;
  Nested nested;

  int64_t blocks() const { return (count + block - 1) / block; }
  float scale(int64_t block_index) const;
  /** The values as bitsandbytes computes them, to the bit. */
  void copy_to(std::span<float> out) const;
};

/** A tensor of a dtype that the engine does not compute with. */
struct RawTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::string file;
};

/** Replaces each `X`, `X.absmax`, `X.quant_map`, `X.quant_state.bitsandbytes__nf4` (and `X.nested_absmax`,
    `X.nested_quant_map`) by one tensor X of DType::nf4 and its logical shape. Throws Error naming the file and the tensor
    for anything missing, of the wrong size or inconsistent, and for FP4. */
void join_nf4_tensors(std::map<std::string, TensorView>& tensors, std::map<std::string, RawTensor>& raw);

}  // namespace tunesmith
