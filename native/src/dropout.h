#pragma once
#include <cstdint>

#include "ops.h"

/** Which elements a Dropout leaves out: the same on every device, so that a mask is made again wherever it is needed and
    stored nowhere. */

#ifdef __CUDACC__
#define TUNESMITH_ANYWHERE __host__ __device__
#else
#define TUNESMITH_ANYWHERE
#endif

namespace tunesmith {

struct Philox4 {
  uint32_t word[4];
};

/** Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): random words by their counter. */
TUNESMITH_ANYWHERE inline Philox4 philox4x32(Philox4 counter, uint64_t key) {
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  uint32_t(&c)[4] = counter.word;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xd2511f53u} * c[0], product1 = uint64_t{0xcd9e8d57u} * c[2];
    const uint32_t high0 = static_cast<uint32_t>(product0 >> 32), high1 = static_cast<uint32_t>(product1 >> 32);
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = static_cast<uint32_t>(product1);
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = static_cast<uint32_t>(product0);
    key0 += 0x9e3779b9u, key1 += 0xbb67ae85u;
  }
  return counter;
}

/** Element (row, column) belongs to word column % 4 of counter (column / 4, first_row + row, step, stream) under the key
    `seed`; it is left out where the word is below share·2^32. */
class DropoutMask {
 public:
  static constexpr int kBlock = 4;  // columns of one counter

  explicit DropoutMask(const Dropout& dropout)
      : seed_(dropout.seed),
        first_row_(dropout.first_row),
        step_(dropout.step),
        stream_(dropout.stream),
        threshold_(static_cast<uint32_t>(dropout.share * 0x1.0p32)),
        kept_(static_cast<float>(1.0 / (1.0 - dropout.share))) {}

  /** What columns 4·block … 4·block + 3 are multiplied by: 0, or 1 / (1 − share). */
  struct Factors {
    float of[kBlock];
  };
  TUNESMITH_ANYWHERE Factors factors(int64_t row, int64_t block) const {
    const Philox4 random =
        philox4x32({{static_cast<uint32_t>(block), first_row_ + static_cast<uint32_t>(row), step_, stream_}}, seed_);
    Factors out;
    for (int k = 0; k < kBlock; ++k) out.of[k] = random.word[k] < threshold_ ? 0.0f : kept_;
    return out;
  }

 private:
  uint64_t seed_;
  uint32_t first_row_, step_, stream_, threshold_;
  float kept_;
};

}  // namespace tunesmith
