#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/safetensors.h"
#include "train/lora.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace tunesmith {

/** One document of a reference and the figures of the untuned base on it. */
struct GoldenSequence {
  std::vector<int32_t> ids;
  std::vector<int32_t> target_rows;  // from `labels`
};
struct GoldenBase {
  std::vector<double> nll;                               // [ids - 1]
  std::vector<std::pair<int32_t, double>> last_logits;   // the largest of the last position
  std::optional<double> last_logsumexp;
};
struct GoldenGreedy {
  std::vector<int32_t> prompt, answer;
};
struct GoldenTraining {
  LoraConfig lora;
  OptimizerConfig optimizer;
  double learning_rate = 0;
  ScheduleKind schedule = ScheduleKind::constant;
  int64_t warmup = 0;
  std::vector<double> losses, gradient_norms;
};

/** A reference directory: reference.json, adapter_init/, grads_step0.safetensors, adapter_final/. What it lacks stays
    empty and is named in `absent`. */
struct Golden {
  std::vector<GoldenSequence> sequences;
  std::vector<GoldenBase> base;
  std::optional<GoldenGreedy> greedy;
  std::optional<GoldenTraining> training;
  std::unique_ptr<TensorSource> adapter_init, gradients, adapter_final;
  std::vector<std::string> absent;
};

/** Throws Error, naming file and field, for anything missing that must be there or malformed. The model's folder gives the
    tokenizer, by which the tokens of the greedy prompt are found. */
Golden read_golden(const std::string& directory, const std::string& model_directory);

}  // namespace tunesmith
