#include "run/forecast.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "error.h"
#include "io/tokens.h"
#include "run/dry_run.h"
#include "run/samples.h"
#include "run/sequence_order.h"
#include "run/speed.h"
#include "run/training_run.h"

namespace tunesmith {

namespace {

/** Sequences that are read to learn how long their documents are. */
constexpr int64_t kSampledSequences = 64;
/** The source of samples for completion, which are no rows (src/protocol/run.ts). */
constexpr uint16_t kCompletionSource = 65535;

/** What of a run's data a forecast needs. */
struct DataShape {
  int64_t sequences = 0, tokens = 0, eval_tokens = 0;  // of one pass
  int64_t longest = 0, most_targets = 0;
  int64_t document_tokens = 0;  // of the document that a token lies in, on the average
  double target_share = 1;      // of the tokens
  int64_t prompts = 0;          // answered at an evaluation
  int64_t prompt_tokens = 0;    // of all of them
  int64_t answer_tokens = 0;    // of all answers to them, at most
  int64_t longest_answer = 0;   // of one of them
  double row_answer = 0;        // tokens that a row learns, no more than the longest answer's, on the average

  SequenceShape sequence() const {
    const int64_t mean = std::clamp<int64_t>((tokens + sequences - 1) / sequences, std::min<int64_t>(2, longest), longest);
    return {mean, std::clamp<int64_t>(document_tokens, std::min<int64_t>(2, mean), mean), target_share};
  }
};

/** Seconds for all answers of a run. Each reads its prompt. Before it is tuned a model runs on to the limit; tuned it stops
    where the rows do, which it learns at some time in the run. `fresh`: the first evaluation's answers are the base's too. */
double answering_seconds(const DataShape& data, int64_t evaluations, bool fresh, const RunCosts& costs) {
  if (evaluations == 0 || data.answer_tokens == 0) return 0;
  const double share = (1 + data.row_answer / static_cast<double>(data.longest_answer)) / 2;
  const double tuned = static_cast<double>(fresh ? evaluations - 1 : evaluations);
  return static_cast<double>(data.prompt_tokens) * (1 + tuned) * costs.prompt_token +
         static_cast<double>(data.answer_tokens) * (1 + tuned * share) * costs.answer_token;
}

int64_t document_tokens_of(const PackedSplit& split) {
  double squares = 0, tokens = 0;
  BatchBuffer buffer;
  const int64_t step = std::max<int64_t>(1, split.sequences() / kSampledSequences);
  for (int64_t sequence = 0; sequence < split.sequences(); sequence += step) {
    buffer.clear();
    split.append(sequence, buffer);
    const std::span<const int32_t> starts = buffer.batch().document_starts;
    for (size_t d = 0; d + 1 < starts.size(); ++d) {
      const double length = starts[d + 1] - starts[d];
      squares += length * length, tokens += length;
    }
  }
  return tokens > 0 ? std::llround(squares / tokens) : 0;
}

/** What rows learn, cut at `most` tokens: of rows half of which are short and half long, an answer's end comes sooner than
    their mean says. */
double row_answer_of(const PackedSplit& split, int64_t most) {
  double tokens = 0, rows = 0;
  for (int64_t sequence = 0; sequence < split.sequences(); ++sequence) {
    for (const PackedDocument& document : split.documents_of(sequence)) {
      if (document.source == kCompletionSource) continue;
      tokens += static_cast<double>(std::min<int64_t>(document.targets, most)), ++rows;
    }
  }
  return rows > 0 ? tokens / rows : static_cast<double>(most);
}

DataShape shape_of_prepared(const std::string& folder, const LlamaConfig& config) {
  const auto open = [&](const char* split) {
    return PackedSplit::open(folder + "/data", split, config.vocabulary_size, config.max_position_embeddings);
  };
  const PackedSplit train = open("train"), eval = open("eval");
  DataShape shape;
  shape.sequences = train.sequences(), shape.tokens = train.tokens(), shape.eval_tokens = eval.tokens();
  shape.longest = std::max(train.longest_sequence(), eval.longest_sequence());
  shape.most_targets = std::max(train.most_targets(), eval.most_targets());
  shape.document_tokens = document_tokens_of(train);
  shape.target_share = static_cast<double>(train.targets()) / static_cast<double>(std::max<int64_t>(1, train.tokens()));
  for (const SamplePrompt& sample : read_sample_file(folder, config).prompts) {
    ++shape.prompts;
    shape.prompt_tokens += static_cast<int64_t>(sample.prompt.ids.size());
    shape.answer_tokens += sample.prompt.max_tokens;
    shape.longest_answer = std::max<int64_t>(shape.longest_answer, sample.prompt.max_tokens);
  }
  shape.row_answer = row_answer_of(train, shape.longest_answer);
  return shape;
}

/** A sequence may hold rows that are targets nearly whole, whatever the average. */
DataShape shape_of_expected(const ExpectedData& data, int64_t sequence_length) {
  DataShape shape;
  const int64_t fewest = std::max<int64_t>(1, (data.train_tokens + sequence_length - 1) / sequence_length);
  shape.sequences = std::max(fewest, data.train_sequences.value_or(fewest));
  shape.tokens = data.train_tokens, shape.eval_tokens = data.eval_tokens;
  shape.longest = shape.most_targets = sequence_length;
  shape.document_tokens = data.document_tokens.value_or(sequence_length);
  const auto targets = static_cast<double>(data.train_targets.value_or(data.train_tokens));
  shape.target_share = std::min(1.0, targets / static_cast<double>(std::max<int64_t>(1, data.train_tokens)));
  shape.prompts = data.answers;
  const double document = static_cast<double>(shape.document_tokens);
  const auto mean = [](const std::optional<int64_t>& counted, double otherwise) {
    return counted ? static_cast<double>(*counted) : otherwise;
  };
  shape.prompt_tokens = std::llround(static_cast<double>(data.answers) *
                                     mean(data.row_prompt, document * (1 - shape.target_share)));
  shape.row_answer = std::min(static_cast<double>(data.answer_tokens), mean(data.row_answer, document * shape.target_share));
  shape.answer_tokens = data.answers * data.answer_tokens, shape.longest_answer = data.answer_tokens;
  return shape;
}

/** By the speed of earlier runs, or by arithmetic. */
RunCosts expected_costs(const Speed& speed, bool gpu, const PlanRequest& request, const MemoryPlan& plan,
                        const SequenceShape& sequence) {
  StepShape shape = shape_of(request);
  shape.sequence_tokens = sequence.document_tokens, shape.target_share = sequence.target_share;
  RunCosts costs;
  costs.start = expected_start_seconds(plan.weight_bytes);
  costs.token = 1 / speed.tokens_per_second;
  costs.eval_token = costs.token * forward_flops(request.config, shape) /
                     training_flops(request.config, shape, plan.recompute);
  costs.prompt_token = costs.eval_token;
  costs.answer_token = expected_answer_seconds(request.config, plan.weight_bytes, gpu, request.options.threads);
  costs.checkpoint = expected_checkpoint_seconds(plan.trainable_parameters);
  return costs;
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

Interruptions interruptions(const RunSpec& spec, int64_t steps, bool held_out) {
  const auto between = [&](int64_t every) { return every > 0 ? (steps - 1) / every : 0; };
  Interruptions counted;
  counted.checkpoints = 1 + between(spec.checkpoint_every);
  if (!held_out) return counted;
  counted.evaluations = 2 + between(spec.eval_every);
  if (spec.eval_every > 0) {
    // Those that fall on a checkpoint's step are one.
    const int64_t both = spec.checkpoint_every > 0 ? std::lcm(spec.eval_every, spec.checkpoint_every) : 0;
    counted.checkpoints += between(spec.eval_every) - between(both);
  }
  return counted;
}

RunForecast forecast_run(Machine& machine, const ForecastRequest& asked) {
  RunSpec spec = read_run_spec(asked.folder + "/run.json");
  asked.overrides.apply(spec);
  const LlamaConfig config = read_llama_config(spec.model_path);
  const DataShape data =
      asked.expected ? shape_of_expected(*asked.expected, spec.sequence_length) : shape_of_prepared(asked.folder, config);
  if (data.sequences == 0) throw Error("data-empty", asked.folder + "/data/train.tokens holds nothing to train on.");

  RunForecast forecast;
  const int threads = threads_of(spec);
  OpenedDevice opened = open_for(machine, spec, threads);
  forecast.device = opened.chosen;
  PlanRequest request = plan_request(machine, opened.chosen, spec, config, threads, data.longest, data.most_targets);
  forecast.memory = opened.device->memory();
  forecast.usable_bytes = usable_bytes(request.rules, forecast.memory.available, spec.memory_budget);
  if (spec.memory_budget) {
    request.usable_without_budget = usable_bytes(request.rules, forecast.memory.available, std::nullopt);
  }
  forecast.plan = choose_plan(*opened.device, request, forecast.usable_bytes);

  const RunLength length = run_length(data.sequences, spec.sequences_per_step, spec.steps ? &*spec.steps : nullptr,
                                      spec.epochs ? &*spec.epochs : nullptr);
  const double passes = static_cast<double>(length.sequences) / static_cast<double>(data.sequences);
  const double tokens = passes * static_cast<double>(data.tokens), steps = static_cast<double>(length.steps);
  forecast.max_positions = config.max_position_embeddings;
  forecast.steps = length.steps;
  forecast.tokens = std::llround(tokens);
  RunCosts costs;
  if (asked.measure) {
    const bool answers = data.answer_tokens > 0 && data.eval_tokens > 0;
    const int64_t prompt = answers ? std::max<int64_t>(1, data.prompt_tokens / data.prompts) : 0;
    const DryRunRequest dry{request, forecast.plan, spec.model_path, data.sequence(), prompt, asked.measure};
    const DryRunResult result = dry_run(opened.chosen, std::move(opened.device), forecast.memory.available, dry);
    costs = result.costs;
    forecast.calibrated = true;
    forecast.measured_bytes = result.memory_bytes;
    forecast.tokens_per_second = tokens / (tokens * costs.token + steps * costs.step);
  } else {
    const SpeedKey key{opened.chosen, spec.model_path, spec.quantization, spec.sequence_length, threads};
    const Speed speed = expected_speed(asked.runs_folder, key, request, forecast.plan);
    costs = expected_costs(speed, opened.chosen.gpu.has_value(), request, forecast.plan, data.sequence());
    forecast.measured = speed.measured;
    forecast.tokens_per_second = speed.tokens_per_second;
  }
  const Interruptions counted = interruptions(spec, length.steps, data.eval_tokens > 0);
  forecast.start_seconds = costs.start;
  forecast.training_seconds = tokens * costs.token + steps * costs.step;
  forecast.evaluation_seconds = static_cast<double>(counted.evaluations * data.eval_tokens) * costs.eval_token;
  forecast.answer_seconds = answering_seconds(data, counted.evaluations, spec.adapter_path.empty(), costs);
  forecast.checkpoint_seconds = static_cast<double>(counted.checkpoints) * costs.checkpoint;
  return forecast;
}

}  // namespace tunesmith
