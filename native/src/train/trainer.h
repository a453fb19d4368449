#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/config.h"
#include "ops.h"
#include "train/lora.h"

namespace tunesmith {

class Llama;

enum class Recompute { none, gate_up, block };

/** Packed documents, back to back. */
struct Batch {
  std::span<const int32_t> ids;              // [tokens]
  std::span<const int32_t> document_starts;  // [documents + 1], ascending, first 0, last tokens
  /** Rows whose next token is in the loss: row t predicts ids[t + 1] (same document). Ascending. */
  std::span<const int32_t> target_rows;
};

struct OptimizerConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01, clip_norm = 1.0;
};

/** What a trainer will hold; made before the first allocation. Bytes. */
struct MemoryPlan {
  Recompute recompute = Recompute::none;
  int64_t micro_batch = 1;  // packed sequences
  int64_t weight_bytes = 0;   // with the table of rotations
  int64_t adapter_bytes = 0;  // with gradient, moments and the device's own copies
  int64_t saved_bytes = 0;    // activations that wait for the backward
  int64_t working_bytes = 0;  // activations that do not
  int64_t head_bytes = 0;     // a chunk of logits, as far as it does not fit into working_bytes
  int64_t scratch_bytes = 0;  // the ops'
  int64_t parameters = 0, trainable_parameters = 0;
  int64_t activation_bytes() const { return saved_bytes + working_bytes + head_bytes + scratch_bytes; }
  int64_t total_bytes() const { return weight_bytes + adapter_bytes + activation_bytes(); }
};

struct TrainerOptions {
  LoraConfig lora;
  OptimizerConfig optimizer;
  int64_t max_tokens = 0;   // of one Batch
  int64_t max_targets = 0;  // of one Batch
  Recompute recompute = Recompute::none;
  int threads = 1;                  // of the CPU
  std::optional<CudaOptions> cuda;  // none: the CPU computes
  uint64_t seed = 0;  // of the adapter's start (A Kaiming-uniform as PEFT draws it, B zero) and of dropout
};

/** The device that the options ask for. Throws Error. */
std::unique_ptr<Device> open_device(const TrainerOptions&);

/** Base weights (frozen), adapter, optimizer and activations of one model on one device. Throws Error. */
class Trainer {
 public:
  Trainer(std::unique_ptr<Device>, const LlamaConfig&, const TensorSource& base, const TrainerOptions&);
  ~Trainer();

  static MemoryPlan plan(const Device&, const LlamaConfig&, const TrainerOptions&);

  /** Forward, with dropout, and backward; adds scale · d(sum of NLL) to the gradient and the sum of NLL to the step's loss.
      `scale` is 1 / (targets of the whole accumulated step). `nll`, where not empty, has room for one figure a target and gets
      them in target order, in nats. A GPU is then waited for at the end of the batch, so that the next one is uploaded and
      launched only after it: some tenths of a millisecond a batch. */
  void accumulate(const Batch&, double scale, std::span<float> nll = {});
  struct StepResult {
    double loss_sum;       // sum of NLL accumulated since the last apply
    double gradient_norm;  // global, before clipping
  };
  /** Clips, updates with AdamW, clears the gradient. */
  StepResult apply(double learning_rate);
  /** Sum of NLL over the batch's targets, forward only. */
  double evaluate(const Batch&);
  /** Per-target NLL, in target order (for `verify` and per-row figures). */
  void target_nll(const Batch&, std::span<float> out);
  /** Logits [count, vocabulary] of the given rows. */
  void logits(const Batch&, std::span<const int32_t> rows, std::span<float> out);

  /** PEFT's names: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight, … The spans are copies on the host,
      which last until the next call of the same name. */
  std::vector<NamedTensor> adapter();
  /** The gradient, under the same names. */
  std::vector<NamedTensor> gradient();
  /** AdamW moments: <name>.m and <name>.v. */
  std::vector<NamedTensor> optimizer_state();
  int64_t optimizer_steps() const;
  /** Of the masks of dropout, too, which follow from the seed, the step and the rows accumulated in it. */
  void set_optimizer_steps(int64_t);
  /** Copies every tensor of `source` into the adapter; throws Error where one is missing, unknown or of another shape. */
  void load_adapter(const TensorSource& source);
  /** Copies what optimizer_state gave into the moments; throws Error where one is missing or of another shape. */
  void load_optimizer_state(const TensorSource& source);

  const LlamaConfig& config() const;
  /** Base and adapter as they stand, for the Generator. */
  const Llama& model() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunesmith
