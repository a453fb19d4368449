#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "run/machine.h"
#include "run/memory_plan.h"

namespace tunesmith {

/** What a run's packed sequences look like, on the average. */
struct SequenceShape {
  int64_t tokens = 1;           // of a sequence
  int64_t document_tokens = 1;  // of the document that a token lies in
  double target_share = 1;      // of the tokens
};

/** What the parts of a run cost, in seconds. */
struct RunCosts {
  double start = 0;       // until the first step: the model is read
  double token = 0;       // of training: forward and backward
  double step = 0;        // besides its tokens: the update
  double eval_token = 0;  // of an evaluation
  double prompt_token = 0;  // of a pinned prompt that is read
  double answer_token = 0;  // of its answer
  double checkpoint = 0;
};

struct DryRunRequest {
  const PlanRequest& plan;
  const MemoryPlan& chosen;
  std::string model_path;
  SequenceShape sequences;
  int64_t prompt_tokens = 0;  // of a pinned prompt that is answered at evaluations; 0: there is none
  /** Told as it goes on: "loading", "steps", "evaluation", "checkpoint", and the share that is done. */
  std::function<void(const char* stage, double fraction)> progress;
};

struct DryRunResult {
  RunCosts costs;
  /** As the run's `memory` event tells it; none where a whole micro-batch would have taken too long. */
  std::optional<int64_t> memory_bytes;
};

/** Computes with the real plan on the real base: two optimizer steps of random tokens after a warm-up, an evaluation with the
    start of an answer, and a checkpoint into a temporary folder. Within about half a minute: a step of many micro-batches is measured by some of them,
    and a micro-batch that takes too long by a part of it. `available_before`: the device's free bytes before anything of it was
    taken. SIGTERM ends the process at once, except while the checkpoint is written: then Error "cancelled". Throws Error. */
DryRunResult dry_run(const ChosenDevice&, std::unique_ptr<Device>, int64_t available_before, const DryRunRequest&);

}  // namespace tunesmith
