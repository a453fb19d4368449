#pragma once
#include <cstdint>

namespace tunesmith {

enum class ScheduleKind { constant, linear, cosine };

/** Learning rate of the update numbered `step` (0 is the first) of `total`, as transformers' get_constant_schedule_with_warmup,
    get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup give it: rises linearly from 0 over the `warmup`
    updates, then stays, falls linearly to 0 at `total`, or falls along half a cosine. */
double learning_rate_at(ScheduleKind kind, int64_t step, int64_t total, int64_t warmup, double base_rate);

}  // namespace tunesmith
