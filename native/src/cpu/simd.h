#pragma once
#include <bit>
#include <cstdint>

/** Compiles a row kernel for the build's baseline (x86-64-v3) and for AVX-512 and picks one when the program starts. Only
    for functions without OpenMP regions of their own: GCC does not clone the regions' bodies. Not under the address
    sanitizer, whose run time starts after the pick. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define TUNESMITH_ROW_KERNEL __attribute__((target_clones("default", "arch=x86-64-v4")))
#else
#define TUNESMITH_ROW_KERNEL
#endif

namespace tunesmith {

/** e^x to 2 units in the last place for x in [-87.3, 88.3]; beyond, the value at the bound (so never 0, never inf).
    Branch-free so that loops over it vectorise: Cody-Waite reduction, degree-5 polynomial (Cephes' coefficients). */
__attribute__((always_inline)) inline float exp_approximate(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  constexpr float kRound = 12582912.0f;  // 1.5·2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  const int32_t exponent = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound)) << 23;
  return std::bit_cast<float>(std::bit_cast<int32_t>(y) + exponent);
}

}  // namespace tunesmith
