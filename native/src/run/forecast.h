#pragma once
#include <cstdint>
#include <functional>
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
  /** Packed sequences that the training tokens fill; none: as few as could hold them. */
  std::optional<int64_t> train_sequences = {};
  /** Of the document that a token lies in, on the average; none: as long as a sequence. */
  std::optional<int64_t> document_tokens = {};
  /** Tokens in the loss, of the training rows; none: all. */
  std::optional<int64_t> train_targets = {};
  /** Prompts that are answered at each evaluation, and where an answer ends at the latest. */
  int64_t answers = 0, answer_tokens = 0;
  /** Tokens that a row does not learn, and of those that it learns as many as an answer may have, on the average; none: as
      of a document of the average length. */
  std::optional<int64_t> row_prompt = {}, row_answer = {};
};

/** What a run would take, before it is started. */
struct RunForecast {
  ChosenDevice device;
  DeviceMemoryInfo memory;
  int64_t usable_bytes = 0;
  MemoryPlan plan;
  int64_t max_positions = 0;  // tokens that the base model can read at once
  int64_t steps = 0, tokens = 0;
  double tokens_per_second = 0;  // while it trains
  bool measured = false;         // the speed: in an earlier run, not by arithmetic
  /** Of these the run is made, in seconds. */
  double start_seconds = 0, training_seconds = 0, evaluation_seconds = 0, answer_seconds = 0, checkpoint_seconds = 0;
  double seconds() const {
    return start_seconds + training_seconds + evaluation_seconds + answer_seconds + checkpoint_seconds;
  }
  /** By a dry run: then all of the figures are measured. */
  bool calibrated = false;
  std::optional<int64_t> measured_bytes;
};

struct ForecastRequest {
  std::string folder;  // holds run.json
  RunOverrides overrides;
  std::optional<ExpectedData> expected;
  /** Where earlier runs are looked for, which need not exist. */
  std::string runs_folder;
  /** Given: computes two steps to measure them (run/dry_run.h), and tells of it. */
  std::function<void(const char* stage, double fraction)> measure;
};

/** Throws Error where the run could not be started either. Allocates nothing on the device unless it is to measure; writes
    nothing into the run directory. */
RunForecast forecast_run(Machine&, const ForecastRequest&);

/** How often a run of `steps` steps that has held-out rows (or not) evaluates, and writes checkpoints at most: at its
    intervals, at its end, and wherever an evaluation was the best so far. */
struct Interruptions {
  int64_t evaluations = 0, checkpoints = 0;
};
Interruptions interruptions(const RunSpec&, int64_t steps, bool held_out);

}  // namespace tunesmith
