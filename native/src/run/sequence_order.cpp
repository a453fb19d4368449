#include "run/sequence_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "train/random.h"

namespace tunesmith {

namespace {

constexpr uint64_t kShuffleStreams = uint64_t{1} << 40;

/** Unbiased, in [0, bound). */
uint64_t below(Random& random, uint64_t bound) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value;
  do value = random.next();
  while (value >= limit);
  return value % bound;
}

}  // namespace

void SequenceOrder::shuffle(int64_t epoch) {
  order_.resize(static_cast<size_t>(count_));
  std::iota(order_.begin(), order_.end(), int64_t{0});
  Random random(seed_, kShuffleStreams + static_cast<uint64_t>(epoch));
  for (size_t i = order_.size() - 1; i > 0; --i) std::swap(order_[i], order_[below(random, i + 1)]);
  epoch_ = epoch;
}

int64_t SequenceOrder::at(int64_t position) {
  const int64_t epoch = epoch_of(position);
  if (epoch != epoch_) shuffle(epoch);
  return order_[static_cast<size_t>(position % count_)];
}

RunLength run_length(int64_t sequences, int64_t sequences_per_step, const int64_t* steps, const double* epochs) {
  if (steps != nullptr) return {*steps, *steps * sequences_per_step};
  const double asked = std::round(*epochs * static_cast<double>(sequences));
  const int64_t total = std::max<int64_t>(1, static_cast<int64_t>(asked));
  return {(total + sequences_per_step - 1) / sequences_per_step, total};
}

}  // namespace tunesmith
