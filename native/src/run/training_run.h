#pragma once
#include <memory>
#include <optional>
#include <string>

#include "io/tokens.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "run/events.h"
#include "run/memory_plan.h"
#include "run/run_spec.h"
#include "run/sequence_order.h"

namespace tunesmith {

/** One attempt of a run: from its newest checkpoint, or from the beginning, until it is finished or stopped. Between two
    steps, and only there, it evaluates, saves, obeys control.jsonl and signals. */
class TrainingRun {
 public:
  /** Reads and checks everything that needs no memory to speak of. `threads`: of the command line. Throws Error. */
  TrainingRun(std::string folder, std::optional<int> threads, EventLog& log);
  /** Throws Error; everything up to the last checkpoint is then on the disk. */
  void run();

 private:
  void warn(const std::string& code, const std::string& message);
  void begin();
  void make_trainer();
  bool evaluation_missing() const;
  void evaluate_if_due();
  /** Mean NLL over the held-out targets; nothing where a stop came in between. */
  std::optional<double> held_out_loss();
  void save_if_due();
  void save();
  void train_step();
  /** Stop, pause, checkpoint. */
  void obey();
  void take_messages();
  void wait_while_paused();
  void finish();

  std::string folder_;
  EventLog& log_;
  RunSpec spec_;
  LlamaConfig config_;
  PackedSplit train_, eval_;
  RunLength length_;
  SequenceOrder order_;
  CheckpointStore store_;
  ControlReader control_;
  std::optional<Checkpoint> resumed_;
  AdapterConfig adapter_;
  RunState state_;
  std::unique_ptr<Trainer> trainer_;
  BatchBuffer buffer_;
  int64_t saved_step_ = -1;
  bool stop_ = false, paused_ = false, save_asked_ = false;
};

/** `train`: takes the run's lock, then makes one attempt. An Error ends up as the attempt's last event and is thrown on. */
void train(const std::string& folder, std::optional<int> threads);

/** Cores this process may run on. */
int usable_cores();

}  // namespace tunesmith
