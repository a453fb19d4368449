#pragma once
#include <cstdint>
#include <vector>

namespace tunesmith {

/** The order in which training takes the packed sequences: an endless stream of epochs, each a Fisher-Yates shuffle by
    Random(seed, 2^40 + epoch). Step k takes the next `sequences_per_step` of the stream, also across an epoch's end; a run
    over E epochs ends after round(E · sequences) of them, its last step being the shorter for it. A position in the stream
    is thus all that a checkpoint needs. */
class SequenceOrder {
 public:
  SequenceOrder(int64_t sequences, uint64_t seed) : count_(sequences), seed_(seed) {}
  /** The sequence at a position of the stream. Cheap while positions stay in one epoch. */
  int64_t at(int64_t position);
  int64_t epoch_of(int64_t position) const { return position / count_; }

 private:
  void shuffle(int64_t epoch);
  int64_t count_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  std::vector<int64_t> order_;
};

/** How long a run is. */
struct RunLength {
  int64_t steps = 0;
  /** Positions of the stream that are taken in all. */
  int64_t sequences = 0;
};
RunLength run_length(int64_t sequences, int64_t sequences_per_step, const int64_t* steps, const double* epochs);

}  // namespace tunesmith
