#pragma once
#include <cstdint>
#include <span>

#include "model/activations.h"
#include "model/adapter.h"
#include "model/config.h"
#include "model/rope_table.h"
#include "model/weights.h"
#include "ops.h"

namespace tunesmith {

/** A batch as it lies in Activations (ids, positions, starts, target_rows, targets). */
struct BatchSize {
  int64_t tokens = 0, documents = 0, targets = 0;
};

/** One layer's forward over `rows` new rows; training runs it on whole batches, generation on a cache. */
struct LayerRun {
  int64_t layer = 0, rows = 0;
  bool base = false;                   // without the adapter
  const int32_t* positions = nullptr;  // [rows]
  const RopeTable* rope = nullptr;
  int64_t documents = 0;
  const int32_t* starts = nullptr;
  int64_t first_row = 0;         // row of `kept.qkv` that the first new row becomes
  LayerActivations kept;         // x is the input
  Activation *normed, *mlp;      // working space; mlp may be null where only gate_up is wanted
  Dropout dropout;               // of the adapter's inputs; each product's stream is the run's to set
  Activation* dropped = nullptr;  // working space of it
  Activation* y;                 // the layer's output; null where only what the backward reads is wanted
};

/** The Llama family: forward, and a backward written out by hand. The base is frozen; gradients go to the adapter alone
    and the backward ends at the lowest product that has one. Owns nothing: device, weights and layout outlive it. */
class Llama {
 public:
  Llama(Device&, const LlamaConfig&, const LlamaWeights&, const AdapterLayout&, const float* adapter_parameters);

  /** Embedding and all layers: fills what `keep` keeps, and x_final. In training, `dropout` is that of the adapter's
      inputs; its stream counts for nothing, as each product has its own. */
  void forward(Activations&, const RopeTable&, const BatchSize&, const Dropout& dropout = {}) const;
  /** Loss of the target rows into nll; with `backward`, dx becomes scale · d(sum nll)/d(x_final). */
  void loss(Activations&, const BatchSize&, bool backward, float scale) const;
  /** From dx down to the adapter's gradients, which it adds to `gradient`; with the forward's dropout. */
  void backward(Activations&, const RopeTable&, const BatchSize&, const KeepPolicy&, const Dropout&, float* gradient) const;
  /** Logits of at most head.chunk rows of x_final into head.logits. */
  void logits(Activations::Head&, const Activation* x_final, std::span<const int32_t> rows) const;

  void run_layer(const LayerRun&) const;
  /** Must follow every change of the adapter's parameters. */
  void round_adapter() const { adapter_.round_copies(device_, parameters_); }
  Device& device() const { return device_; }
  const LlamaConfig& config() const { return config_; }
  const LlamaWeights& weights() const { return weights_; }
  const AdapterLayout& adapter() const { return adapter_; }
  AttentionShape attention_shape() const { return {config_.query_heads, config_.kv_heads, config_.head_dim}; }

 private:
  LayerRun run_of(Activations&, const RopeTable&, const BatchSize&, const Dropout&, int64_t layer, Activation* y) const;
  /** Sets the adapter of the product of `group` in this run, if the run has one, and its dropout. */
  template <class Op>
  void set_adapter(Op&, const LayerRun&, LinearGroup group) const;
  void run_attention_block(const LayerRun&) const;
  /** gate_up and, where run.mlp is given, the MLP's hidden activation. */
  void run_gate_up(const LayerRun&) const;
  /** Where the run has no output, only the adapter's x·aᵀ. */
  void run_down(const LayerRun&) const;
  void head_logits(Activations::Head&, const Activation* x, const int32_t* rows, int64_t count) const;
  /** Returns false once nothing below trains. */
  bool backward_mlp(Activations&, const LayerRun&, float* gradient) const;
  bool backward_attention(Activations&, const LayerRun&, float* gradient) const;
  /** Whether a product before `group` (in the order of the forward) has an adapter. */
  bool trains_below(int64_t layer, LinearGroup group) const;

  Device& device_;
  const LlamaConfig& config_;
  const LlamaWeights& weights_;
  const AdapterLayout& adapter_;
  const float* parameters_;
};

}  // namespace tunesmith
