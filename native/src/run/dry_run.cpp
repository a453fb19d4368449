#include "run/dry_run.h"

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <vector>

#include "error.h"
#include "io/tokens.h"
#include "model/generate.h"
#include "model/llama.h"
#include "run/checkpoint.h"
#include "run/speed.h"
#include "run/stop_signal.h"
#include "run/training_run.h"
#include "train/random.h"

namespace tunesmith {

namespace {

/** For all micro-batches together. */
constexpr double kBudgetSeconds = 18;
/** Short steps are repeated for so long, since a single one of some milliseconds says little. */
constexpr double kEnoughSeconds = 2.5;
constexpr int kMostSteps = 40;
/** Of the first look at the speed. */
constexpr int64_t kProbeTokens = 128;
constexpr int64_t kLeastTokens = 32;
/** A micro-batch is computed for the warm-up, at least once a step in two steps, and forward in an evaluation. */
constexpr double kLeastMicroBatches = 3.5;
/** Of an answer whose tokens are measured; of its prompt, the longest that is read whole. */
constexpr int kAnswerTokens = 24;
constexpr int64_t kMostPromptTokens = 256;
constexpr int kMostAnswers = 8;
/** A checkpoint larger than this is not written to be measured. */
constexpr int64_t kMostCheckpointBytes = int64_t{512} << 20;

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

class Measurement {
 public:
  Measurement(std::unique_ptr<Device> device, const DryRunRequest& request)
      : request_(request),
        trainer_(std::move(device), request.plan.config, TensorSource::open_model(request.model_path),
                 options_for(request.plan, request.chosen.micro_batch, request.chosen.recompute)) {}

  Trainer& trainer() { return trainer_; }
  Device& device() { return trainer_.model().device(); }

  /** Decides what is computed, after a look at the speed. */
  void warm_up() {
    // The first call takes memory and starts threads.
    for (int i = 0; i < 2; ++i) probe_seconds_ = time_batch(kProbeTokens, 1);
    const double token_seconds = probe_seconds_ / static_cast<double>(std::min(kProbeTokens, whole_tokens()));
    const double whole = token_seconds * static_cast<double>(whole_tokens());
    rounds_ = (request_.plan.sequences_per_step + micro_batch() - 1) / micro_batch();
    if (whole * kLeastMicroBatches > kBudgetSeconds) {
      const auto tokens = static_cast<int64_t>(kBudgetSeconds / kLeastMicroBatches / token_seconds);
      batch_tokens_ = std::clamp(tokens, std::min(kLeastTokens, whole_tokens()), whole_tokens());
      measured_rounds_ = 1;
    } else {
      batch_tokens_ = whole_tokens();
      measured_rounds_ = std::clamp<int64_t>(static_cast<int64_t>((kBudgetSeconds / whole - 1.5) / 2), 1, rounds_);
    }
    first_batch_ = time_batch(batch_tokens_, 1);
  }

  /** At least two steps. What the first batch took longer than these is the start's: memory that is touched for the first
      time. */
  void steps(RunCosts& costs) {
    double batches = 0, updates = 0;
    int64_t tokens = 0;
    int steps = 0;
    do {
      for (int64_t i = 0; i < measured_rounds_; ++i) {
        batches += time_batch(batch_tokens_, measured_rounds_);
        tokens += batch_tokens_;
      }
      const auto begin = Clock::now();
      trainer_.apply(kRate);
      updates += since(begin);
      ++steps;
      request_.progress("steps", std::min(1.0, std::max(steps / 2.0 * (batches + updates < kEnoughSeconds ? 0.5 : 1),
                                                        (batches + updates) / kEnoughSeconds)));
    } while (steps < 2 || (batches + updates < kEnoughSeconds && steps < kMostSteps));
    costs.token = batches / static_cast<double>(tokens) * length_ratio();
    costs.step = updates / steps;
    costs.start += std::max(0.0, first_batch_ - batches / static_cast<double>(steps * measured_rounds_));
  }

  void evaluation(RunCosts& costs) {
    double seconds = 0;
    int64_t tokens = 0;
    for (int i = 0; i < 2 || (seconds < kEnoughSeconds / 10 && i < kMostSteps); ++i) {
      fill(batch_tokens_);
      const auto begin = Clock::now();
      trainer_.evaluate(buffer_.batch());
      seconds += since(begin);
      tokens += batch_tokens_;
    }
    costs.eval_token = seconds / static_cast<double>(tokens) * length_ratio();
  }

  /** A prompt costs what one of evaluation's tokens does, or more; a token of its answer has all weights to read for itself. */
  void answer(RunCosts& costs) {
    Generator generator(trainer_);
    const int64_t positions = request_.plan.config.max_position_embeddings;
    const int64_t length = std::clamp<int64_t>(positions - kAnswerTokens, 1, std::min(request_.prompt_tokens, kMostPromptTokens));
    AnswerTimes times;
    // The first call makes the cache. An answer may end early by chance.
    time_answer(generator, length, 2);
    for (int i = 0; i < 2 || (times.seconds() < kEnoughSeconds / 2 && i < kMostAnswers); ++i) {
      const AnswerTimes one = time_answer(generator, length, kAnswerTokens);
      times.prompt += one.prompt, times.answer += one.answer, times.prompts += 1, times.tokens += one.tokens;
    }
    costs.prompt_token = times.prompt / static_cast<double>(times.prompts * length);
    // An answer's first token comes with its prompt.
    costs.answer_token = times.answer / static_cast<double>(std::max<int64_t>(1, times.tokens));
  }

  bool whole() const { return batch_tokens_ == whole_tokens(); }

 private:
  /** So small that weights stay as they are. */
  static constexpr double kRate = 1e-12;

  int32_t random_token() {
    return static_cast<int32_t>(random_.next() % static_cast<uint64_t>(request_.plan.config.vocabulary_size));
  }
  int64_t micro_batch() const { return request_.chosen.micro_batch; }
  int64_t whole_tokens() const { return micro_batch() * request_.sequences.tokens; }

  /** Attention's share grows with a document's length: what a cut one would have taken whole. */
  double length_ratio() const {
    const int64_t document = request_.sequences.document_tokens;
    if (batch_tokens_ >= document) return 1;
    StepShape whole = shape_of(request_.plan), cut = whole;
    whole.sequence_tokens = document, cut.sequence_tokens = batch_tokens_;
    const auto flops = [&](const StepShape& shape) {
      return training_flops(request_.plan.config, shape, request_.chosen.recompute);
    };
    return flops(whole) / flops(cut);
  }

  struct AnswerTimes {
    double prompt = 0, answer = 0;  // until the first token, and from there on
    int64_t prompts = 0, tokens = 0;  // the latter besides the first of each answer
    double seconds() const { return prompt + answer; }
  };

  AnswerTimes time_answer(Generator& generator, int64_t prompt_tokens, int tokens) {
    std::vector<int32_t> prompt;
    for (int64_t t = 0; t < prompt_tokens; ++t) prompt.push_back(random_token());
    AnswerTimes times;
    GenerateOptions options;
    const auto begin = Clock::now();
    options.on_token = [&](int32_t) {
      if (times.prompt == 0) times.prompt = since(begin);
      return true;
    };
    times.tokens = static_cast<int64_t>(generator.greedy(prompt, tokens, options).size()) - 1;
    times.answer = since(begin) - times.prompt;
    return times;
  }

  double time_batch(int64_t tokens, int64_t batches_a_step) {
    fill(std::min(tokens, whole_tokens()));
    device().synchronize();
    const auto begin = Clock::now();
    trainer_.accumulate(buffer_.batch(), 1.0 / static_cast<double>(batches_a_step * std::max<size_t>(1, buffer_.target_rows.size())));
    device().synchronize();
    return since(begin);
  }

  /** Random documents, the last of each sequence as long as what is left; each ends in its targets. */
  void fill(int64_t tokens) {
    buffer_.clear();
    const int64_t most = micro_batch() * request_.plan.sequence_targets;
    for (int64_t begin = 0, in_sequence = 0; begin < tokens;) {
      const int64_t room = std::min(request_.sequences.tokens - in_sequence, tokens - begin);
      const int64_t length = std::min(room, request_.sequences.document_tokens);
      const auto targets = std::clamp<int64_t>(
          std::llround(request_.sequences.target_share * static_cast<double>(length)), std::min<int64_t>(1, length - 1), length - 1);
      for (int64_t t = 0; t < length; ++t) {
        buffer_.ids.push_back(random_token());
        const bool target = t + 1 < length && t + 1 + targets >= length;
        if (target && static_cast<int64_t>(buffer_.target_rows.size()) < most) buffer_.target_rows.push_back(static_cast<int32_t>(begin + t));
      }
      begin += length;
      in_sequence = (in_sequence + length) % request_.sequences.tokens;
      buffer_.document_starts.push_back(static_cast<int32_t>(begin));
    }
  }

  const DryRunRequest& request_;
  Trainer trainer_;
  Random random_{1, 0};
  BatchBuffer buffer_;
  double probe_seconds_ = 0, first_batch_ = 0;
  int64_t rounds_ = 1, measured_rounds_ = 1, batch_tokens_ = 1;
};

/** A folder for what is measured, gone with this. */
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tunesmith-measure-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error("file-unwritable", pattern + " cannot be made.");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

double time_checkpoint(Trainer& trainer, const DryRunRequest& request) {
  // From here on a signal waits until the folder can be removed.
  catch_stop_signals();
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  AdapterConfig adapter{request.plan.options.lora, request.model_path};
  const auto begin = Clock::now();
  store.write(trainer, RunState(), adapter, 1);
  const double seconds = since(begin);
  if (stop_signalled()) throw Error("cancelled", "The measurement was cancelled.");
  return seconds;
}

}  // namespace

DryRunResult dry_run(const ChosenDevice& chosen, std::unique_ptr<Device> device, int64_t available_before,
                     const DryRunRequest& request) {
  DryRunResult result;
  const auto begin = Clock::now();
  request.progress("loading", 0);
  Measurement measurement(std::move(device), request);
  result.costs.start = since(begin);
  request.progress("steps", 0);
  measurement.warm_up();
  measurement.steps(result.costs);
  request.progress("evaluation", 0);
  measurement.evaluation(result.costs);
  if (request.prompt_tokens > 0) measurement.answer(result.costs);
  if (measurement.whole()) {
    result.memory_bytes = chosen.gpu ? std::max<int64_t>(0, available_before - measurement.device().memory().available)
                                     : own_memory();
  }
  request.progress("checkpoint", 0);
  const int64_t bytes = checkpoint_bytes(request.chosen.trainable_parameters);
  result.costs.checkpoint = bytes <= kMostCheckpointBytes ? time_checkpoint(measurement.trainer(), request)
                                                          : expected_checkpoint_seconds(request.chosen.trainable_parameters);
  return result;
}

}  // namespace tunesmith
