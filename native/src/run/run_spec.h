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

/** How the frozen products of the base are held: as they are, or in 4 bits (NF4, on a GPU only). */
enum class Quantization { none, nf4 };

/** Bytes that RunSpec::memory_budget may be. */
inline constexpr int64_t kLeastMemoryBudget = int64_t{1} << 26, kMostMemoryBudget = int64_t{1} << 50;

/** What a learning rate may be, in run.json and while the run goes on. */
inline constexpr double kLeastLearningRate = 1e-8, kMostLearningRate = 1;

/** Ends a run after `patience` evaluations in a row none of which was lower than the best by `min_delta`. */
struct EarlyStopping {
  int64_t patience = 1;
  double min_delta = 0;
};

/** run.json, as src/protocol/run.ts defines it; the fields that only preparation needs are checked and dropped. */
struct RunSpec {
  enum class Device { automatic, cpu, cuda };

  std::string id, name, model_path;
  /** A PEFT folder whose adapter training starts from; empty: a fresh one. */
  std::string adapter_path;
  Quantization quantization = Quantization::none;
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
  std::optional<EarlyStopping> early_stopping;
  uint64_t seed = 0;
  /** Empty: the memory plan decides. */
  std::optional<Recompute> recompute;
  Device device = Device::automatic;
  int threads = 0;
  /** Bytes of the device's memory that the plan may use; none: what is free. */
  std::optional<int64_t> memory_budget;

  /** What decides the result; a checkpoint is only good for a run with the same. */
  Json settings;
};

/** What the command line asks for in place of run.json. None of it decides whether a checkpoint fits. */
struct RunOverrides {
  std::optional<int> threads;
  std::optional<RunSpec::Device> device;
  std::optional<Recompute> recompute;
  std::optional<int64_t> micro_batch, memory_budget;
  void apply(RunSpec&) const;
};

RunSpec read_run_spec(const std::string& path);
RunSpec parse_run_spec(const Json& json, const std::string& file);

/** Every field that run.json may have, dotted. */
std::vector<std::string> run_spec_fields();

/** The spellings of run.json, of events and of the command line, in the order of the enumerations. */
const std::vector<const char*>& recompute_names();     // without "auto"
const std::vector<const char*>& device_names();
const std::vector<const char*>& quantization_names();
const char* name_of(Recompute);
const char* name_of(Quantization);

}  // namespace tunesmith
