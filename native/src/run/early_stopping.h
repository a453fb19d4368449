#pragma once
#include <cstdint>
#include <optional>

#include "run/run_spec.h"

namespace tunesmith {

/** What the held-out losses of a run have come to. That of step 0 is the base model's and does not count. */
struct HeldOutProgress {
  /** Of the lowest so far; -1: there is none yet. */
  int64_t best_step = -1;
  double best_loss = 0;
  /** Evaluations in a row, up to the last, none of which was lower than the best before it by the least gain that counts. */
  int64_t without_gain = 0;

  /** Takes the loss of `step`; true where it is the lowest. */
  bool add(int64_t step, double loss, double min_delta);
};

/** Whether the run has waited long enough. */
bool out_of_patience(const HeldOutProgress&, const std::optional<EarlyStopping>&);

}  // namespace tunesmith
