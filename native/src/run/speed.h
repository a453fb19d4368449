#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "run/machine.h"
#include "run/memory_plan.h"

namespace tunesmith {

/** What of a step's shape decides how much is computed a token. */
struct StepShape {
  int64_t sequence_tokens = 0;
  double target_share = 1;  // of the tokens
  int64_t trainable_parameters = 0;
};
StepShape shape_of(const PlanRequest&);

/** Floating-point operations of forward and backward a token. The frozen products cost 2 operations a parameter forward and
    2 backward, the adapter's one third more; the head computes target rows alone. */
double training_flops(const LlamaConfig&, const StepShape&, Recompute);

/** Tokens a second in training, and how that is known. */
struct Speed {
  double tokens_per_second = 0;
  bool measured = false;
};

/** By the last finished run in `runs_folder` (which may be absent) with this device and model; else by arithmetic: a stated
    share of what the device could compute at most. */
Speed expected_speed(const std::string& runs_folder, const ChosenDevice&, const std::string& model, int threads,
                     const PlanRequest&, const MemoryPlan&);

}  // namespace tunesmith
