#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "model/config.h"
#include "ops.h"
#include "train/trainer.h"

namespace tunesmith {

/** What a plan may choose from. */
struct PlanRequest {
  LlamaConfig config;
  TrainerOptions options;  // max_tokens, max_targets and recompute are the plan's
  int64_t sequence_tokens = 0, sequence_targets = 0;  // the longest packed sequence's
  int64_t sequences_per_step = 1;
  std::optional<int64_t> micro_batch;
  std::optional<Recompute> recompute;
};

/** Sets what Trainer needs for `micro_batch` sequences at once. */
TrainerOptions options_for(const PlanRequest& request, int64_t micro_batch, Recompute recompute);

/** The cheapest recompute policy that fits into `available` and, with it, the largest useful micro-batch. Nothing fits: Error
    that says what would. */
MemoryPlan choose_plan(const Device&, const PlanRequest& request, int64_t available);

/** "1.2 GiB". */
std::string shown_bytes(int64_t bytes);

}  // namespace tunesmith
