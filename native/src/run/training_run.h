#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/tokens.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "run/events.h"
#include "run/interchange.h"
#include "run/machine.h"
#include "run/memory_plan.h"
#include "run/row_losses.h"
#include "run/run_spec.h"
#include "run/samples.h"
#include "run/sequence_order.h"

namespace tunesmith {

/** One attempt of a run: from its newest checkpoint, or from the beginning, until it is finished or stopped. Between two
    steps, and only there, it evaluates, saves, obeys control.jsonl and signals. */
class TrainingRun {
 public:
  /** Reads and checks everything that needs no memory to speak of. Throws Error. */
  TrainingRun(std::string folder, const RunOverrides&, Machine&, EventLog& log);
  /** Throws Error; everything up to the last checkpoint is then on the disk. */
  void run();

 private:
  void warn(const std::string& code, const std::string& message);
  /** An event that other programs hear of too. */
  template <class Event>
  void tell(const Event& event) {
    log_.write(event);
    interchange_->add(event);
  }
  void open_interchange();
  void begin();
  /** What must be known of how the run began where it goes on elsewhere. */
  void warn_of_changes(int asked_threads);
  /** Where nothing will be held out, or too seldom, for early stopping to end the run. */
  void warn_of_no_early_stopping();
  /** The trainer as it is before the attempt's first step: from the checkpoint, from another adapter, or fresh. */
  void load_start();
  void make_trainer();
  MemoryPlan plan_within(const Device&, PlanRequest&, int64_t usable);
  bool evaluation_missing() const;
  void evaluate_if_due();
  /** Mean NLL over the held-out targets; nothing where a stop came in between. */
  std::optional<double> held_out_loss();
  void answer_samples();
  bool stops_early() const;
  void save_if_due();
  void save();
  void train_step();
  /** Forward and backward of the sequences at `position`…; gives the position behind them. */
  int64_t accumulate_micro_batch(int64_t position, int64_t end, double scale);
  /** Does what has to do with row-losses/ and tells what was written; a failure there is told once and ends nothing. */
  void keep_row_losses(const std::function<std::optional<RowLosses::Written>()>& write);
  void set_learning_rate(double rate);
  /** Reads a GPU at work, where a second has passed since the last time. */
  std::optional<GpuReading> read_gpu();
  void tell_memory();
  /** Stop, pause, checkpoint. */
  void obey();
  void take_messages();
  void wait_while_paused();
  void finish();
  /** Whether the adapter of the lowest held-out loss is the trainer's now. */
  bool load_best();

  std::string folder_;
  EventLog& log_;
  Machine& machine_;
  RunOverrides overrides_;
  RunSpec spec_;
  LlamaConfig config_;
  PackedSplit train_, eval_;
  RunLength length_;
  SequenceOrder order_;
  CheckpointStore store_;
  RowLosses row_losses_;
  Sampler sampler_;
  ControlReader control_;
  std::optional<Checkpoint> resumed_;
  AdapterConfig adapter_;
  RunState state_;
  ChosenDevice device_;
  std::unique_ptr<Device> opened_;  // until the trainer takes it
  std::unique_ptr<Trainer> trainer_;
  std::optional<Interchange> interchange_;  // from when the trainer is made
  int64_t available_before_ = 0, forecast_bytes_ = 0;
  bool memory_told_ = false;
  std::chrono::steady_clock::time_point next_reading_;
  BatchBuffer buffer_;
  std::vector<float> nll_;  // of a micro-batch's targets
  int64_t saved_step_ = -1;
  bool stop_ = false, paused_ = false, save_asked_ = false, row_losses_failed_ = false;
};

/** `train`: takes the run's lock, then makes one attempt. An Error ends up as the attempt's last event and is thrown on. */
void train(const std::string& folder, const RunOverrides&, Machine&);

/** Cores this process may run on. */
int usable_cores();

/** Bytes of memory that this process holds, without the files that it has mapped. */
int64_t own_memory();

}  // namespace tunesmith
