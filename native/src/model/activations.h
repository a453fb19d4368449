#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/adapter.h"
#include "model/arena.h"
#include "model/config.h"

namespace tunesmith {

/** Which of a layer's activations the forward keeps for the backward, and which the backward computes again. */
struct KeepPolicy {
  bool attention = true;  // norm factors, qkv, log-sum-exp, attention's output, the residual between the blocks
  bool gate_up = true;    // the largest
};

/** What one layer's backward reads. Under a policy that does not keep something, all layers point to the same memory. */
struct LayerActivations {
  Activation* x;          // [tokens, hidden] the layer's input
  float* input_rstd;      // [tokens]
  Activation* qkv;        // [tokens, (query_heads + 2 * kv_heads) * head_dim], rotated
  float* lse;             // [tokens, query_heads]
  Activation* attention;  // [tokens, query_heads * head_dim]
  Activation* middle;     // [tokens, hidden] the residual after attention
  float* post_rstd;       // [tokens]
  Activation* gate_up;    // [tokens, 2 * intermediate]
  std::array<Activation*, kLinearGroups> xa;  // [tokens, adapter_stride(columns(group))]; null without an adapter
};

/** Everything that one batch's forward and backward need, in one arena. */
struct Activations {
  // The batch.
  int32_t *ids, *positions, *starts, *target_rows, *targets;
  std::vector<LayerActivations> layers;
  Activation* x_final;  // [tokens, hidden] the last layer's output
  Activation* normed;   // [tokens, hidden]
  Activation* g;        // [tokens, widest adapter_stride]
  Activation* dropped;  // [tokens, widest input of an adapted product]: an adapter's masked input; null without dropout
  Activation* dx;       // [tokens, hidden] gradient of the residual stream
  Activation* dnormed;  // [tokens, hidden], in normed's place
  // The MLP's, the attention's and the head's working space share memory: they are never alive together.
  Activation* mlp;                // [tokens, intermediate] silu(gate)·up; in the backward its gradient, then itself again
  Activation *dattention, *dqkv;  // [tokens, query_heads * head_dim], [tokens, row width]
  struct Head {
    int64_t chunk;             // rows
    int32_t* rows;             // [chunk] for logits of rows that are no targets
    Activation *x, *normed, *dnormed, *dx;  // [chunk, hidden]
    float* rstd;
    Activation* logits;  // [chunk, vocabulary]
  } head;
  float* nll;  // [max_targets]
  /** Side by side, so that one copy fetches the first two. */
  double* loss_sum;       // of the step so far
  double* norm;           // of the gradient
  double* evaluated_sum;  // of one evaluate()
  /** What all this takes: kept from the forward for the backward; working space; what the head's chunk takes beyond that. */
  size_t saved_bytes, working_bytes, head_bytes;
};

struct ActivationLimits {
  int64_t tokens = 0, targets = 0;
  KeepPolicy keep;
  bool dropout = false;
};

/** Lays everything out in `arena` (which may only count). */
Activations lay_out_activations(Arena& arena, const Device&, const LlamaConfig&, const AdapterLayout&,
                                const ActivationLimits&);

/** Of batches of up to `tokens` tokens. */
ScratchLimits scratch_limits(const LlamaConfig&, const AdapterLayout&, int64_t tokens);

/** Rows of one lm_head product, so that its logits take Device::logits_chunk_bytes at most, but no fewer than 64; fewer bytes
    under a policy that saves memory. */
int64_t head_chunk_rows(const Device&, const LlamaConfig&, const ActivationLimits&);

}  // namespace tunesmith
