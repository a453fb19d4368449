#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

/** How the adapter's products divide a sum among blocks; what each needs of scratch is bounded here. */
namespace tunesmith::lora {

/** Partial sums [splits, …] of a product. */
inline constexpr int64_t kColumnSumBytes = int64_t{12} << 20;
/** Partial sums [column slabs, rows, …]; more rows than fit are taken in turns. */
inline constexpr int64_t kRowSumBytes = int64_t{28} << 20;

struct Split {
  int64_t parts = 1;
  double time = 1;  // in the time that one block needs for an unsplit sum
};

/** The number of parts, up to `limit`, into which the sums of `blocks` blocks, one on a multiprocessor at a time, are best
    split. `traffic`: what a part's sums cost to write and read, relative to the unsplit sum's bytes. */
inline Split best_split(int64_t blocks, int64_t limit, int multiprocessors, double traffic) {
  Split best;
  const double share = static_cast<double>(blocks) / multiprocessors;
  for (int64_t parts = 1; parts <= std::min<int64_t>(limit, 4 * multiprocessors); ++parts) {
    const int64_t waves = (blocks * parts + multiprocessors - 1) / multiprocessors;
    const double n = static_cast<double>(parts);
    const double time = static_cast<double>(waves) / n + (parts > 1 ? n * traffic * share : 0.0);
    if (parts == 1 || time < best.time) best = {parts, time};
  }
  return best;
}

}  // namespace tunesmith::lora
