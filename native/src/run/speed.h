#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "run/machine.h"
#include "run/memory_plan.h"

namespace tunesmith {

/** What of a step's shape decides how much is computed a token. */
struct StepShape {
  int64_t sequence_tokens = 0;
  double target_share = 1;  // of the tokens
  int64_t trainable_parameters = 0;
};
StepShape shape_of(const PlanRequest&);

/** Floating-point operations of forward and backward a token. The frozen products cost 2 operations a parameter forward and
    2 backward, the adapter's one third more; the head computes target rows alone. */
double training_flops(const LlamaConfig&, const StepShape&, Recompute);

/** Of the forward alone, a token: what an evaluation computes. */
double forward_flops(const LlamaConfig&, const StepShape&);

/** A checkpoint's: adapter and two moments in float32. */
int64_t checkpoint_bytes(int64_t trainable_parameters);
/** To write and read back a checkpoint on an ordinary disk. */
double expected_checkpoint_seconds(int64_t trainable_parameters);
/** One token of an answer: all weights are read for it. */
double expected_answer_seconds(const LlamaConfig&, int64_t weight_bytes, bool gpu, int threads);
/** To read a base's files and lay the weights out. */
double expected_start_seconds(int64_t weight_bytes);

/** Tokens a second in training, and how that is known. */
struct Speed {
  double tokens_per_second = 0;
  bool measured = false;
};

/** What of a run decides its speed. */
struct SpeedKey {
  ChosenDevice device;
  std::string model;
  Quantization quantization = Quantization::none;
  int64_t sequence_length = 0;
  int threads = 1;
};

/** By the last finished run in `runs_folder` (which may be absent) with this device, model and precision: one with the same
    sequence length, recompute and threads where there is one, else any, by the arithmetic's ratio between the two. Else by
    arithmetic alone: a stated share of what the device could compute at most. */
Speed expected_speed(const std::string& runs_folder, const SpeedKey&, const PlanRequest&, const MemoryPlan&);

}  // namespace tunesmith
