#include "run/memory_plan.h"

#include <algorithm>
#include <cstdio>

#include "error.h"
#include "run/run_spec.h"
#include "run/speed.h"

namespace tunesmith {

namespace {

/** How many ways out an error names. */
constexpr size_t kRemedies = 3;
constexpr int64_t kShortestSequence = 64;
/** A limit is raised to a multiple of this. */
constexpr int64_t kBudgetStep = int64_t{64} << 20;

int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

MemoryPlan plan_for(const Device& device, const PlanRequest& request, int64_t micro_batch, Recompute recompute) {
  MemoryPlan plan = Trainer::plan(device, request.config, options_for(request, micro_batch, recompute));
  plan.recompute = recompute;
  plan.micro_batch = micro_batch;
  return plan;
}

/** Of all that a request allows, the one that needs least. */
MemoryPlan smallest_plan(const Device& device, const PlanRequest& request) {
  return plan_for(device, request, request.micro_batch.value_or(1), request.recompute.value_or(Recompute::block));
}

/** Descending, each with fewer micro-batches a step than any smaller size has: one of 5 for 8 sequences is no faster than
    one of 4 and larger. The steps grow, as no plan hangs on one more among many. */
std::vector<int64_t> micro_batches(const PlanRequest& request) {
  if (request.micro_batch) return {std::min(*request.micro_batch, request.sequences_per_step)};
  const int64_t sequence = std::max<int64_t>(1, request.sequence_tokens);
  const int64_t most = request.most_micro_batch.value_or(request.sequences_per_step);
  const int64_t largest = std::clamp<int64_t>(request.rules.useful_tokens / sequence, 1,
                                              std::max<int64_t>(1, std::min(most, request.sequences_per_step)));
  std::vector<int64_t> sizes;
  for (int64_t count = divide_up(request.sequences_per_step, largest); count <= request.sequences_per_step;
       count = std::max(count + 1, count * 5 / 4)) {
    const int64_t size = divide_up(request.sequences_per_step, count);
    if (sizes.empty() || size < sizes.back()) sizes.push_back(size);
  }
  if (sizes.back() > 1) sizes.push_back(1);
  return sizes;
}

/** A way out, in words and as settings. */
struct Remedy {
  std::string words;
  MemoryFix fix;
};

/** Collects what fits into `usable`. */
class Remedies {
 public:
  Remedies(const PlanRequest& request, int64_t usable) : request_(request), usable_(usable) {}

  /** Where it is run.json's own limit that is too low. */
  void add_budget(const MemoryPlan& least) {
    const int64_t budget = divide_up(least.total_bytes(), kBudgetStep) * kBudgetStep;
    if (budget > request_.usable_without_budget.value_or(0)) return;
    found.push_back({"a memoryBudget of " + shown_bytes(budget), {{{"memoryBudget", budget}}, least.total_bytes()}});
  }

  bool add(const std::string& what, std::vector<std::pair<const char*, Json>> changes, const MemoryPlan& plan) {
    if (found.size() >= kRemedies || plan.total_bytes() > usable_) return false;
    found.push_back({what + " (" + shown_bytes(plan.total_bytes()) + ")", {std::move(changes), plan.total_bytes()}});
    return true;
  }

  /** One whose plan is free to choose recompute and micro-batch: what run.json fixed of them is set free. */
  bool add_free(const std::string& what, const char* field, Json value, const MemoryPlan& plan) {
    std::vector<std::pair<const char*, Json>> changes = {{field, std::move(value)}};
    if (request_.recompute.value_or(Recompute::block) != Recompute::block) changes.emplace_back("training.recompute", "auto");
    if (request_.micro_batch.value_or(1) > 1) changes.emplace_back("training.microBatch", nullptr);
    return add(what, std::move(changes), plan);
  }

  std::vector<Remedy> found;

 private:
  const PlanRequest& request_;
  int64_t usable_;
};

/** What would make the run fit into `usable`, each with what it would then need. */
std::vector<Remedy> remedies(const Device& device, const PlanRequest& request, int64_t usable) {
  Remedies ways(request, usable);
  ways.add_budget(smallest_plan(device, request));
  PlanRequest free = request;
  free.micro_batch.reset(), free.recompute.reset();
  const bool fixed_batch = request.micro_batch.value_or(1) > 1;
  if (fixed_batch) {
    PlanRequest one = request;
    one.micro_batch = 1;
    ways.add("a micro-batch of 1", {{"training.microBatch", 1}}, smallest_plan(device, one));
  }
  if (request.recompute.value_or(Recompute::block) != Recompute::block) {
    PlanRequest block = request;
    block.recompute = Recompute::block;
    if (!ways.add("recompute \"block\"", {{"training.recompute", "block"}}, smallest_plan(device, block)) && fixed_batch) {
      ways.add("recompute \"block\" with a micro-batch of 1", {{"training.recompute", "block"}, {"training.microBatch", 1}},
               smallest_plan(device, free));
    }
  }
  if (request.open_quantized) {
    if (const std::unique_ptr<Device> quantized = request.open_quantized()) {
      ways.add_free("4-bit weights, model.quantization \"nf4\"", "model.quantization", "nf4", smallest_plan(*quantized, free));
    }
  }
  for (PlanRequest shorter = free; shorter.sequence_tokens > kShortestSequence;) {
    shorter.sequence_tokens /= 2;
    shorter.sequence_targets = std::min(shorter.sequence_targets, shorter.sequence_tokens);
    if (ways.add_free("packed sequences of " + std::to_string(shorter.sequence_tokens) + " tokens instead of " +
                          std::to_string(request.sequence_tokens),
                      "sequenceLength", shorter.sequence_tokens, smallest_plan(device, shorter))) {
      break;
    }
  }
  for (PlanRequest lower = free; lower.options.lora.rank > 1;) {
    lower.options.lora.rank /= 2;
    if (ways.add_free("a rank of " + std::to_string(lower.options.lora.rank), "lora.rank", lower.options.lora.rank,
                      smallest_plan(device, lower))) {
      break;
    }
  }
  return std::move(ways.found);
}

[[noreturn]] void refuse(const Device& device, const PlanRequest& request, int64_t usable) {
  const MemoryPlan least = smallest_plan(device, request);
  const std::string start = "The run needs " + shown_bytes(least.total_bytes()) + " of memory at least and " +
                            shown_bytes(usable) + " can be used: close other programs, ";
  std::string ways;
  std::vector<MemoryFix> fixes;
  const std::vector<Remedy> found = remedies(device, request, usable);
  for (size_t i = 0; i < found.size(); ++i) {
    ways += (i == 0 ? "" : i + 1 < found.size() ? ", " : " or ") + found[i].words;
    fixes.push_back(found[i].fix);
  }
  if (ways.empty()) {
    throw MemoryInsufficient(start + "or take a smaller model; this one's weights alone are " +
                                 shown_bytes(least.weight_bytes) + ".",
                             least.total_bytes(), usable, {});
  }
  throw MemoryInsufficient(start + "or take what would fit: " + ways + ".", least.total_bytes(), usable, std::move(fixes));
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

int64_t usable_bytes(const PlanningRules& rules, int64_t available, std::optional<int64_t> budget) {
  const int64_t usable = available - std::max(available / 100 * rules.reserve_percent, rules.reserve_bytes);
  return std::max<int64_t>(0, budget ? std::min(usable, *budget) : usable);
}

double expected_cost(const PlanRequest& request, int64_t micro_batch, Recompute recompute) {
  const StepShape shape = shape_of(request);
  const double tokens = static_cast<double>(request.sequences_per_step * request.sequence_tokens);
  const double recomputed = training_flops(request.config, shape, recompute) /
                            training_flops(request.config, shape, Recompute::none);
  const int64_t starts = divide_up(request.sequences_per_step, micro_batch);
  return tokens * recomputed + static_cast<double>(starts * request.rules.start_tokens);
}

std::vector<MemoryPlan> candidate_plans(const Device& device, const PlanRequest& request) {
  std::vector<Recompute> policies = {Recompute::none, Recompute::gate_up, Recompute::block};
  if (request.recompute) policies = {*request.recompute};
  std::vector<std::pair<double, MemoryPlan>> costs;
  for (const Recompute policy : policies) {
    for (const int64_t micro_batch : micro_batches(request)) {
      costs.emplace_back(expected_cost(request, micro_batch, policy), plan_for(device, request, micro_batch, policy));
    }
  }
  std::stable_sort(costs.begin(), costs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MemoryPlan> plans;
  for (auto& [cost, plan] : costs) plans.push_back(plan);
  return plans;
}

MemoryPlan choose_plan(const Device& device, const PlanRequest& request, int64_t usable) {
  for (const MemoryPlan& plan : candidate_plans(device, request)) {
    if (plan.total_bytes() <= usable) return plan;
  }
  refuse(device, request, usable);
}

}  // namespace tunesmith
