#include "run/memory_plan.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "error.h"
#include "run/run_spec.h"

namespace tunesmith {

namespace {

/** More tokens at once make no CPU product faster, only the memory larger. */
constexpr int64_t kUsefulTokens = 4096;

/** Left to everything else on the machine. */
int64_t budget(int64_t available) { return available - std::max<int64_t>(available / 10, int64_t{256} << 20); }

std::string hint_for(const Device& device, const PlanRequest& request, int64_t available) {
  PlanRequest smaller = request;
  while (smaller.sequence_tokens > 64) {
    smaller.sequence_tokens /= 2;
    smaller.sequence_targets = std::min(smaller.sequence_targets, smaller.sequence_tokens);
    const MemoryPlan plan = Trainer::plan(device, request.config, options_for(smaller, 1, Recompute::block));
    if (plan.total_bytes() <= budget(available)) {
      return "packed sequences of " + std::to_string(smaller.sequence_tokens) + " tokens (now " +
             std::to_string(request.sequence_tokens) + ") with recompute \"block\" and micro-batch 1 would fit";
    }
  }
  return "take a smaller model";
}

}  // namespace

std::string shown_bytes(int64_t bytes) {
  char text[32];
  if (bytes >= int64_t{1} << 30) {
    std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
  } else {
    std::snprintf(text, sizeof text, "%.0f MiB", static_cast<double>(bytes) / (1 << 20));
  }
  return text;
}

TrainerOptions options_for(const PlanRequest& request, int64_t micro_batch, Recompute recompute) {
  TrainerOptions options = request.options;
  options.max_tokens = micro_batch * request.sequence_tokens;
  options.max_targets = std::max<int64_t>(1, micro_batch * request.sequence_targets);
  options.recompute = recompute;
  return options;
}

MemoryPlan choose_plan(const Device& device, const PlanRequest& request, int64_t available) {
  std::vector<Recompute> policies = {Recompute::none, Recompute::gate_up, Recompute::block};
  if (request.recompute) policies = {*request.recompute};
  const int64_t useful = std::clamp<int64_t>(kUsefulTokens / std::max<int64_t>(1, request.sequence_tokens), 1,
                                             request.sequences_per_step);
  const int64_t largest = std::min(request.micro_batch.value_or(useful), request.sequences_per_step);
  const int64_t smallest = request.micro_batch ? largest : 1;
  MemoryPlan plan;
  for (const Recompute policy : policies) {
    for (int64_t micro_batch = largest; micro_batch >= smallest; --micro_batch) {
      plan = Trainer::plan(device, request.config, options_for(request, micro_batch, policy));
      plan.recompute = policy;
      plan.micro_batch = micro_batch;
      if (plan.total_bytes() <= budget(available)) return plan;
    }
  }
  const std::string advice = request.micro_batch.value_or(1) > 1 || request.recompute.value_or(Recompute::block) != Recompute::block
                                 ? "set training.microBatch to null and training.recompute to \"auto\", or "
                                 : "";
  throw Error("memory-insufficient", "The run needs " + shown_bytes(plan.total_bytes()) + " of memory and " +
                                         shown_bytes(std::max<int64_t>(0, budget(available))) +
                                         " can be used: close other programs, or " + advice +
                                         hint_for(device, request, available) + ".");
}

}  // namespace tunesmith
