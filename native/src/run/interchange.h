#pragma once
#include <functional>
#include <optional>
#include <string>

#include "run/events.h"
#include "run/tensorboard.h"
#include "run/trainer_state.h"

namespace tunesmith {

/** What other tools read of a run: tensorboard/ and trainer_state.json, made of the run's own events. A failure there is
    told once and ends nothing. */
class Interchange {
 public:
  /** `warn` takes one sentence, and must not throw. */
  Interchange(std::string run_folder, const TrainerShape& shape, int64_t attempt, int64_t resumed_from,
              std::function<void(const std::string&)> warn);

  void add(const StepEvent&);
  void add(const EvalEvent&);
  void add(const TelemetryEvent&);
  void add(const MemoryEvent&);
  /** trainer_state.json goes into the checkpoint too, as Hugging Face has it. */
  void add(const CheckpointEvent&);
  /** To be called before the attempt's last event, since this may warn. */
  void end();

 private:
  void try_to(const std::function<void()>& write);
  void write_state(const std::string& folder);

  std::string folder_;
  std::function<void(const std::string&)> warn_;
  bool warned_ = false;
  int64_t step_;
  TensorBoardLog tensorboard_;
  TrainerState state_;
};

}  // namespace tunesmith
