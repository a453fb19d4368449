#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "train/lora.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace tunesmith {

/** run.json, as src/protocol/run.ts defines it; the fields that only preparation needs are checked and dropped. */
struct RunSpec {
  enum class Device { automatic, cpu, cuda };

  std::string id, name, model_path;
  int64_t sequence_length = 0;
  LoraConfig lora;
  OptimizerConfig optimizer;
  double learning_rate = 0;
  ScheduleKind schedule = ScheduleKind::constant;
  int64_t warmup_steps = 0;
  std::optional<int64_t> steps;
  std::optional<double> epochs;
  int64_t sequences_per_step = 1;
  std::optional<int64_t> micro_batch;
  int64_t eval_every = 0, checkpoint_every = 0, keep_checkpoints = 1;
  uint64_t seed = 0;
  /** Empty: the memory plan decides. */
  std::optional<Recompute> recompute;
  Device device = Device::automatic;
  int threads = 0;

  /** What decides the result; a checkpoint is only good for a run with the same. */
  Json settings;
};

RunSpec read_run_spec(const std::string& path);
RunSpec parse_run_spec(const Json& json, const std::string& file);

/** Every field that run.json may have, dotted. */
std::vector<std::string> run_spec_fields();

/** "none", "gate-up", "block": the spelling of run.json and of events. */
const char* name_of(Recompute);

}  // namespace tunesmith
