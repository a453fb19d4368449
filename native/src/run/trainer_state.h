#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "run/events.h"

namespace tunesmith {

/** What of a run's shape trainer_state.json repeats. */
struct TrainerShape {
  int64_t total_steps = 0;
  int64_t sequences_per_step = 1;
  /** Positions of the stream in all, and how many of them are one epoch. */
  int64_t sequences = 0, epoch_sequences = 1;
  int64_t micro_batch = 1;
  int64_t eval_every = 0, checkpoint_every = 0;
};

/** trainer_state.json of Hugging Face's Trainer: where a run stands and a log of how it came there. */
class TrainerState {
 public:
  explicit TrainerState(const TrainerShape& shape);

  /** Takes from events.jsonl what earlier attempts have come to: what they tell of steps after `resumed_from` is void. Lines
      that are no events are passed over. Throws Error where the file cannot be read. */
  void replay(const std::string& events_path, int64_t resumed_from);

  void add(const StepEvent&);
  void add(const EvalEvent&);
  /** Names the best checkpoint where the run still has it. */
  Json to_json(const std::string& run_folder) const;

 private:
  struct Logged {
    int64_t step;
    double loss, gradient_norm, learning_rate;
  };
  struct Evaluated {
    int64_t step;
    double loss;
  };
  double epoch_at(int64_t step) const;
  const Evaluated* best() const;

  TrainerShape shape_;
  /** Steps between two entries of the log, each with the mean loss of its steps; so many that the file stays small. */
  int64_t logging_steps_;
  int64_t step_ = 0, tokens_ = 0;
  double loss_sum_ = 0;
  int64_t loss_count_ = 0;
  std::vector<Logged> logged_;
  std::vector<Evaluated> evaluated_;
};

}  // namespace tunesmith
