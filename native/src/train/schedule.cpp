#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tunesmith {

double learning_rate_at(ScheduleKind kind, int64_t step, int64_t total, int64_t warmup, double base_rate) {
  if (step < warmup) return base_rate * static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warmup));
  const double rest = static_cast<double>(std::max<int64_t>(1, total - warmup));
  switch (kind) {
    case ScheduleKind::constant: break;
    case ScheduleKind::linear: return base_rate * std::max(0.0, static_cast<double>(total - step) / rest);
    case ScheduleKind::cosine: {
      const double progress = static_cast<double>(step - warmup) / rest;
      return base_rate * std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    }
  }
  return base_rate;
}

}  // namespace tunesmith
