#include "run/forecast.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "io/tokens.h"
#include "run/sequence_order.h"
#include "run/speed.h"
#include "run/training_run.h"

namespace tunesmith {

namespace {

/** What of a run's data a forecast needs. */
struct DataShape {
  int64_t sequences = 0, tokens = 0, eval_tokens = 0;  // of one pass
  int64_t longest = 0, most_targets = 0;
};

DataShape shape_of_prepared(const std::string& folder, const LlamaConfig& config) {
  const auto open = [&](const char* split) {
    return PackedSplit::open(folder + "/data", split, config.vocabulary_size, config.max_position_embeddings);
  };
  const PackedSplit train = open("train"), eval = open("eval");
  return {train.sequences(), train.tokens(), eval.tokens(), std::max(train.longest_sequence(), eval.longest_sequence()),
          std::max(train.most_targets(), eval.most_targets())};
}

/** Packing fills sequences nearly whole, and any of their tokens may be a target. */
DataShape shape_of_expected(const ExpectedData& data, int64_t sequence_length) {
  const int64_t sequences = std::max<int64_t>(1, (data.train_tokens + sequence_length - 1) / sequence_length);
  return {sequences, data.train_tokens, data.eval_tokens, sequence_length, sequence_length};
}

/** How often the held-out rows are looked at: before, after, and every so many steps between. */
int64_t evaluations(const RunSpec& spec, int64_t steps) {
  return 2 + (spec.eval_every > 0 ? (steps - 1) / spec.eval_every : 0);
}

}  // namespace

int threads_of(const RunSpec& spec) { return spec.threads > 0 ? spec.threads : usable_cores(); }

PlanRequest plan_request(Machine& machine, const ChosenDevice& device, const RunSpec& spec, const LlamaConfig& config,
                         int threads, int64_t sequence_tokens, int64_t sequence_targets) {
  PlanRequest request;
  request.config = config;
  request.options.lora = spec.lora;
  request.options.optimizer = spec.optimizer;
  request.options.threads = threads;
  request.options.seed = spec.seed;
  request.rules = device.gpu ? kGpuPlanning : kCpuPlanning;
  request.sequence_tokens = sequence_tokens;
  request.sequence_targets = sequence_targets;
  request.sequences_per_step = spec.sequences_per_step;
  request.micro_batch = spec.micro_batch;
  request.recompute = spec.recompute;
  if (device.gpu && spec.quantization == Quantization::none) {
    request.open_quantized = [&machine, device, threads] {
      return open_chosen(machine, device, threads, Quantization::nf4);
    };
  }
  return request;
}

RunForecast forecast_run(Machine& machine, const std::string& folder, const RunOverrides& overrides,
                         const std::optional<ExpectedData>& expected, const std::string& runs_folder) {
  RunSpec spec = read_run_spec(folder + "/run.json");
  overrides.apply(spec);
  const LlamaConfig config = read_llama_config(spec.model_path);
  const DataShape data =
      expected ? shape_of_expected(*expected, spec.sequence_length) : shape_of_prepared(folder, config);
  if (data.sequences == 0) throw Error("data-empty", folder + "/data/train.tokens holds nothing to train on.");

  RunForecast forecast;
  const int threads = threads_of(spec);
  OpenedDevice opened = open_for(machine, spec, threads);
  forecast.device = opened.chosen;
  const PlanRequest request =
      plan_request(machine, opened.chosen, spec, config, threads, data.longest, data.most_targets);
  forecast.memory = opened.device->memory();
  forecast.usable_bytes = usable_bytes(request.rules, forecast.memory.available, spec.memory_budget);
  forecast.plan = choose_plan(*opened.device, request, forecast.usable_bytes);

  const RunLength length = run_length(data.sequences, spec.sequences_per_step, spec.steps ? &*spec.steps : nullptr,
                                      spec.epochs ? &*spec.epochs : nullptr);
  const double passes = static_cast<double>(length.sequences) / static_cast<double>(data.sequences);
  const double tokens = passes * static_cast<double>(data.tokens);
  forecast.steps = length.steps;
  forecast.tokens = std::llround(tokens);
  const Speed speed = expected_speed(runs_folder, opened.chosen, spec.model_path, threads, request, forecast.plan);
  forecast.tokens_per_second = speed.tokens_per_second;
  forecast.measured = speed.measured;
  // An evaluation is the forward half of a step.
  const double evaluated = static_cast<double>(evaluations(spec, length.steps) * data.eval_tokens) / 2;
  forecast.seconds = (tokens + evaluated) / speed.tokens_per_second;
  return forecast;
}

}  // namespace tunesmith
