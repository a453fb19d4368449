#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "run/machine.h"
#include "run/memory_plan.h"
#include "run/run_spec.h"

namespace tunesmith {

/** Threads that a run computes with where nothing else is said. */
int threads_of(const RunSpec&);

/** What a run's plan may choose from; the longest packed sequence's tokens and targets are given. */
PlanRequest plan_request(Machine&, const ChosenDevice&, const RunSpec&, const LlamaConfig&, int threads,
                         int64_t sequence_tokens, int64_t sequence_targets);

/** Where the data is not prepared yet: about how much it is, in one pass. */
struct ExpectedData {
  int64_t train_tokens = 0, eval_tokens = 0;
};

/** What a run would take, before anything of it is allocated. */
struct RunForecast {
  ChosenDevice device;
  DeviceMemoryInfo memory;
  int64_t usable_bytes = 0;
  MemoryPlan plan;
  int64_t steps = 0, tokens = 0;
  double tokens_per_second = 0;
  bool measured = false;  // the speed: in an earlier run, not by arithmetic
  double seconds = 0;     // with evaluations, without reading the model
};

/** Throws Error where the run could not be started either. Runs are looked for in `runs_folder`. */
RunForecast forecast_run(Machine&, const std::string& folder, const RunOverrides&, const std::optional<ExpectedData>&,
                         const std::string& runs_folder);

}  // namespace tunesmith
