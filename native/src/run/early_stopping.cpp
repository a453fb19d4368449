#include "run/early_stopping.h"

namespace tunesmith {

bool HeldOutProgress::add(int64_t step, double loss, double min_delta) {
  const bool first = best_step < 0;
  without_gain = first || loss < best_loss - min_delta ? 0 : without_gain + 1;
  if (!first && loss >= best_loss) return false;
  best_step = step;
  best_loss = loss;
  return true;
}

bool out_of_patience(const HeldOutProgress& progress, const std::optional<EarlyStopping>& rule) {
  return rule && progress.without_gain >= rule->patience;
}

}  // namespace tunesmith
