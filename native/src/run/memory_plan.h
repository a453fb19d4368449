#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "error.h"
#include "io/json.h"
#include "model/config.h"
#include "ops.h"
#include "train/trainer.h"

namespace tunesmith {

/** What a plan must know of a kind of device. */
struct PlanningRules {
  int64_t useful_tokens;  // more at once make nothing faster
  int64_t start_tokens;   // what starting one micro-batch costs, as tokens that could have been computed instead
  int64_t reserve_percent, reserve_bytes;  // of the free memory, left to everything else: the larger of the two
};
inline constexpr PlanningRules kCpuPlanning = {4096, 16, 10, int64_t{256} << 20};
/** The reserve is for what CUDA takes by itself: modules loaded at their first use, cuBLASLt's own, whole 2 MiB pages. */
inline constexpr PlanningRules kGpuPlanning = {16384, 700, 2, int64_t{512} << 20};

/** What a plan may choose from. */
struct PlanRequest {
  LlamaConfig config;
  TrainerOptions options;  // max_tokens, max_targets and recompute are the plan's
  PlanningRules rules = kCpuPlanning;
  int64_t sequence_tokens = 0, sequence_targets = 0;  // the longest packed sequence's
  int64_t sequences_per_step = 1;
  std::optional<int64_t> micro_batch;       // this and no other
  std::optional<int64_t> most_micro_batch;  // no more than this
  std::optional<Recompute> recompute;
  /** What could be used if run.json set no limit; none: it sets none. */
  std::optional<int64_t> usable_without_budget;
  /** Opens the same device with the weights in 4 bits, to say what they would come to; empty where there is no such. */
  std::function<std::unique_ptr<Device>()> open_quantized;
};

/** Sets what Trainer needs for `micro_batch` sequences at once. */
TrainerOptions options_for(const PlanRequest& request, int64_t micro_batch, Recompute recompute);

/** Of `available` bytes, those that a plan may take: the reserve stays, and the budget is not exceeded. */
int64_t usable_bytes(const PlanningRules&, int64_t available, std::optional<int64_t> budget);

/** Tokens that could be computed, without recompute and without a pause, in the time of one step: what plans are ordered
    by. Recompute adds its share of the products, each micro-batch its start. For a 1B model on a GPU, 8 sequences of 2,048
    tokens a step, that orders: nothing recomputed, with 16,384 tokens at once down to 4,096; gate and up recomputed, 16,384
    down to 6,144; whole blocks with 16,384; nothing recomputed with 2,048; then gate-up and block with ever fewer. */
double expected_cost(const PlanRequest&, int64_t micro_batch, Recompute);

/** Every plan that is worth considering, the fastest first. */
std::vector<MemoryPlan> candidate_plans(const Device&, const PlanRequest&);

/** Settings of run.json that together would make a run fit. */
struct MemoryFix {
  std::vector<std::pair<const char*, Json>> changes;  // dotted field, value
  int64_t bytes = 0;                                  // of the smallest plan that there then is
};

/** Code "memory-insufficient". The sentence names the same ways out as `fixes`, at most three. */
class MemoryInsufficient : public Error {
 public:
  MemoryInsufficient(const std::string& message, int64_t least_bytes, int64_t usable_bytes, std::vector<MemoryFix> ways)
      : Error("memory-insufficient", message), least(least_bytes), usable(usable_bytes), fixes(std::move(ways)) {}
  int64_t least;   // bytes of the smallest plan as things are
  int64_t usable;  // bytes that a plan may take
  std::vector<MemoryFix> fixes;
};

/** The fastest plan that takes at most `usable` bytes. None does: MemoryInsufficient. */
MemoryPlan choose_plan(const Device&, const PlanRequest&, int64_t usable);

/** "1.2 GiB". */
std::string shown_bytes(int64_t bytes);

}  // namespace tunesmith
