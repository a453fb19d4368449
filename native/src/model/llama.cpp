#include "model/llama.h"

#include <algorithm>

namespace tunesmith {

Llama::Llama(Device& device, const LlamaConfig& config, const LlamaWeights& weights, const AdapterLayout& adapter,
             const float* adapter_parameters)
    : device_(device), config_(config), weights_(weights), adapter_(adapter), parameters_(adapter_parameters) {}

// Forward ------------------------------------------------------------------------------------------------------------

template <class Op>
void Llama::set_adapter(Op& op, const LayerRun& run, LinearGroup group) const {
  op.xa = run.kept.xa[static_cast<size_t>(group)];
  if (run.base) return;
  op.lora = adapter_.lora(run.layer, group, parameters_);
  // One mask for the matrices that share an input, whose x·aᵀ is one product; PEFT draws one for each.
  op.dropout = run.dropout, op.dropped = run.dropped;
  op.dropout.stream = static_cast<uint32_t>(run.layer * kLinearGroups + static_cast<int64_t>(group));
}

void Llama::run_attention_block(const LayerRun& run) const {
  const LlamaConfig& c = config_;
  const LayerWeights& w = weights_.layers[static_cast<size_t>(run.layer)];
  const AttentionShape shape = attention_shape();
  Activation* new_qkv = advance(device_, run.kept.qkv, run.first_row * shape.row_width());

  device_.rms_norm_forward(run.rows, c.hidden_size, c.rms_norm_eps, run.kept.x, w.input_norm, run.kept.input_rstd,
                           run.normed);
  LinearForward qkv;
  qkv.rows = run.rows, qkv.in = c.hidden_size, qkv.out = shape.row_width();
  qkv.x = run.normed, qkv.w = w.qkv, qkv.y = new_qkv;
  set_adapter(qkv, run, LinearGroup::qkv);
  device_.linear_forward(qkv);

  Rope rope;
  rope.rows = run.rows, rope.heads = c.query_heads + c.kv_heads, rope.head_dim = c.head_dim;
  rope.row_width = shape.row_width(), rope.positions = run.positions;
  rope.cosine = run.rope->cosine(), rope.sine = run.rope->sine(), rope.x = new_qkv;
  device_.rope(rope);

  AttentionForward attention;
  attention.shape = shape, attention.documents = run.documents, attention.starts = run.starts;
  attention.rows = run.first_row + run.rows, attention.first_row = run.first_row, attention.qkv = run.kept.qkv;
  attention.out = run.kept.attention, attention.lse = run.kept.lse;
  device_.attention_forward(attention);

  LinearForward o;
  o.rows = run.rows, o.in = c.query_heads * c.head_dim, o.out = c.hidden_size;
  o.x = run.kept.attention, o.w = w.o, o.residual = run.kept.x, o.y = run.kept.middle;
  set_adapter(o, run, LinearGroup::o);
  device_.linear_forward(o);
}

void Llama::run_gate_up(const LayerRun& run) const {
  const LayerWeights& w = weights_.layers[static_cast<size_t>(run.layer)];
  device_.rms_norm_forward(run.rows, config_.hidden_size, config_.rms_norm_eps, run.kept.middle, w.post_norm,
                           run.kept.post_rstd, run.normed);
  LinearForward gate_up;
  gate_up.rows = run.rows, gate_up.in = config_.hidden_size, gate_up.out = 2 * config_.intermediate_size;
  gate_up.x = run.normed, gate_up.w = w.gate_up, gate_up.y = run.kept.gate_up;
  set_adapter(gate_up, run, LinearGroup::gate_up);
  gate_up.swiglu = run.mlp;
  device_.linear_forward(gate_up);
}

void Llama::run_down(const LayerRun& run) const {
  LinearForward down;
  down.rows = run.rows, down.in = config_.intermediate_size, down.out = config_.hidden_size;
  down.x = run.mlp, down.w = weights_.layers[static_cast<size_t>(run.layer)].down;
  down.residual = run.kept.middle, down.y = run.y;
  set_adapter(down, run, LinearGroup::down);
  device_.linear_forward(down);
}

void Llama::run_layer(const LayerRun& run) const {
  run_attention_block(run);
  run_gate_up(run);
  run_down(run);
}

LayerRun Llama::run_of(Activations& a, const RopeTable& rope, const BatchSize& size, const Dropout& dropout,
                       int64_t layer, Activation* y) const {
  LayerRun run;
  run.layer = layer, run.rows = size.tokens;
  run.positions = a.positions, run.rope = &rope;
  run.documents = size.documents, run.starts = a.starts;
  run.kept = a.layers[static_cast<size_t>(layer)];
  run.normed = a.normed, run.mlp = a.mlp, run.y = y;
  run.dropout = dropout, run.dropped = a.dropped;
  return run;
}

void Llama::forward(Activations& a, const RopeTable& rope, const BatchSize& size, const Dropout& dropout) const {
  device_.embedding(size.tokens, config_.hidden_size, a.ids, weights_.embedding, a.layers.front().x);
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    Activation* y = layer + 1 < config_.layers ? a.layers[static_cast<size_t>(layer + 1)].x : a.x_final;
    run_layer(run_of(a, rope, size, dropout, layer, y));
  }
}

// Head ---------------------------------------------------------------------------------------------------------------

void Llama::head_logits(Activations::Head& head, const Activation* x, const int32_t* rows, int64_t count) const {
  const LlamaConfig& c = config_;
  device_.gather_rows(count, c.hidden_size, rows, x, head.x);
  device_.rms_norm_forward(count, c.hidden_size, c.rms_norm_eps, head.x, weights_.final_norm, head.rstd, head.normed);
  LinearForward product;
  product.rows = count, product.in = c.hidden_size, product.out = c.vocabulary_size;
  product.x = head.normed, product.w = weights_.head, product.use = WeightShape::Use::table, product.y = head.logits, product.logits = true;
  device_.linear_forward(product);
}

void Llama::logits(Activations::Head& head, const Activation* x_final, std::span<const int32_t> rows) const {
  device_.copy_to_device(head.rows, rows.data(), rows.size_bytes());
  head_logits(head, x_final, head.rows, static_cast<int64_t>(rows.size()));
}

void Llama::loss(Activations& a, const BatchSize& size, bool backward, float scale) const {
  const LlamaConfig& c = config_;
  const size_t row_bytes = static_cast<size_t>(c.hidden_size) * device_.activation_size();
  if (backward) device_.zero(a.dx, static_cast<size_t>(size.tokens) * row_bytes);
  for (int64_t first = 0; first < size.targets; first += a.head.chunk) {
    const int64_t count = std::min(a.head.chunk, size.targets - first);
    const int32_t* rows = a.target_rows + first;
    head_logits(a.head, a.x_final, rows, count);
    CrossEntropy loss;
    loss.rows = count, loss.vocabulary = c.vocabulary_size, loss.targets = a.targets + first;
    loss.logits = a.head.logits, loss.nll = a.nll + first, loss.backward = backward, loss.scale = scale;
    device_.cross_entropy(loss);
    if (!backward) continue;
    LinearBackward product;
    product.rows = count, product.in = c.hidden_size, product.out = c.vocabulary_size;
    product.w = weights_.head, product.use = WeightShape::Use::table;
    product.dy = a.head.logits, product.dx = a.head.dnormed;
    device_.linear_backward(product);
    device_.zero(a.head.dx, static_cast<size_t>(count) * row_bytes);
    device_.rms_norm_backward(count, c.hidden_size, a.head.x, weights_.final_norm, a.head.rstd, a.head.dnormed,
                              a.head.dx);
    device_.scatter_rows(count, c.hidden_size, rows, a.head.dx, a.dx);
  }
}

// Backward -----------------------------------------------------------------------------------------------------------

bool Llama::trains_below(int64_t layer, LinearGroup group) const {
  const auto trains_before = [&](LinearGroup limit) {
    for (int g = 0; g < static_cast<int>(limit); ++g) {
      if (adapter_.trains(static_cast<LinearGroup>(g))) return true;
    }
    return false;
  };
  return layer > 0 || trains_before(group);  // every layer has the same targets
}

bool Llama::backward_mlp(Activations& a, const LayerRun& run, float* gradient) const {
  const LlamaConfig& c = config_;
  const LayerWeights& w = weights_.layers[static_cast<size_t>(run.layer)];

  const bool below_down = trains_below(run.layer, LinearGroup::down);
  LinearBackward down;
  down.rows = run.rows, down.in = c.intermediate_size, down.out = c.hidden_size;
  down.w = w.down, down.dy = a.dx;
  set_adapter(down, run, LinearGroup::down);
  down.g = a.g;
  adapter_.point(down, run.layer, LinearGroup::down, gradient);
  if (!below_down) {
    device_.swiglu_forward(run.rows, c.intermediate_size, run.kept.gate_up, a.mlp);
    down.x = a.mlp;
    device_.linear_backward(down);
    return false;
  }
  // The activation that A's gradient reads comes out of SwiGLU's backward, in place of its gradient.
  down.dx = a.mlp, down.gate_up = run.kept.gate_up;
  device_.linear_backward(down);
  if (adapter_.trains(LinearGroup::down)) {
    down.x = a.mlp;
    device_.linear_backward_a(down);
  }

  const bool below_gate_up = trains_below(run.layer, LinearGroup::gate_up);
  LinearBackward gate_up;
  gate_up.rows = run.rows, gate_up.in = c.hidden_size, gate_up.out = 2 * c.intermediate_size;
  gate_up.x = a.normed, gate_up.w = w.gate_up, gate_up.dy = run.kept.gate_up;
  gate_up.dx = below_gate_up ? a.dnormed : nullptr;
  set_adapter(gate_up, run, LinearGroup::gate_up);
  gate_up.g = a.g;
  adapter_.point(gate_up, run.layer, LinearGroup::gate_up, gradient);
  device_.linear_backward(gate_up);
  if (!below_gate_up) return false;
  device_.rms_norm_backward(run.rows, c.hidden_size, run.kept.middle, w.post_norm, run.kept.post_rstd, a.dnormed, a.dx);
  return true;
}

bool Llama::backward_attention(Activations& a, const LayerRun& run, float* gradient) const {
  const LlamaConfig& c = config_;
  const LayerWeights& w = weights_.layers[static_cast<size_t>(run.layer)];
  const AttentionShape shape = attention_shape();

  const bool below_o = trains_below(run.layer, LinearGroup::o);
  LinearBackward o;
  o.rows = run.rows, o.in = c.query_heads * c.head_dim, o.out = c.hidden_size;
  o.x = run.kept.attention, o.w = w.o, o.dy = a.dx, o.dx = below_o ? a.dattention : nullptr;
  set_adapter(o, run, LinearGroup::o);
  o.g = a.g;
  adapter_.point(o, run.layer, LinearGroup::o, gradient);
  device_.linear_backward(o);
  if (!below_o) return false;

  AttentionBackward attention;
  attention.shape = shape, attention.documents = run.documents, attention.starts = run.starts;
  attention.rows = run.rows, attention.qkv = run.kept.qkv, attention.out = run.kept.attention;
  attention.lse = run.kept.lse, attention.dout = a.dattention, attention.dqkv = a.dqkv;
  device_.attention_backward(attention);
  Rope rope;
  rope.rows = run.rows, rope.heads = c.query_heads + c.kv_heads, rope.head_dim = c.head_dim;
  rope.row_width = shape.row_width(), rope.positions = run.positions;
  rope.cosine = run.rope->cosine(), rope.sine = run.rope->sine(), rope.inverse = true, rope.x = a.dqkv;
  device_.rope(rope);

  const bool below_qkv = trains_below(run.layer, LinearGroup::qkv);
  if (adapter_.trains(LinearGroup::qkv)) {
    // The norm's output is no longer there; the norm is cheap, its row factors come out the same.
    device_.rms_norm_forward(run.rows, c.hidden_size, c.rms_norm_eps, run.kept.x, w.input_norm, run.kept.input_rstd,
                             a.normed);
  }
  LinearBackward qkv;
  qkv.rows = run.rows, qkv.in = c.hidden_size, qkv.out = shape.row_width();
  qkv.x = a.normed, qkv.w = w.qkv, qkv.dy = a.dqkv, qkv.dx = below_qkv ? a.dnormed : nullptr;
  set_adapter(qkv, run, LinearGroup::qkv);
  qkv.g = a.g;
  adapter_.point(qkv, run.layer, LinearGroup::qkv, gradient);
  device_.linear_backward(qkv);
  if (!below_qkv) return false;
  device_.rms_norm_backward(run.rows, c.hidden_size, run.kept.x, w.input_norm, run.kept.input_rstd, a.dnormed, a.dx);
  return true;
}

void Llama::backward(Activations& a, const RopeTable& rope, const BatchSize& size, const KeepPolicy& keep,
                     const Dropout& dropout, float* gradient) const {
  for (int64_t layer = config_.layers - 1; layer >= 0; --layer) {
    LayerRun run = run_of(a, rope, size, dropout, layer, nullptr);
    // What all layers share still holds the last one's values when the backward begins, but for gate_up, whose memory the
    // head has used.
    const bool last = layer == config_.layers - 1;
    if (!last && !keep.attention) run_attention_block(run);
    if (!keep.gate_up) {
      const bool lost_down = !last && !keep.attention && adapter_.trains(LinearGroup::down);  // its x·aᵀ
      if (!lost_down) run.mlp = nullptr;
      run_gate_up(run);
      if (lost_down) run_down(run);
    } else if (adapter_.trains(LinearGroup::gate_up)) {
      device_.rms_norm_forward(run.rows, config_.hidden_size, config_.rms_norm_eps, run.kept.middle,
                               weights_.layers[static_cast<size_t>(layer)].post_norm, run.kept.post_rstd, a.normed);
    }
    if (!backward_mlp(a, run, gradient)) return;
    if (!backward_attention(a, run, gradient)) return;
  }
}

}  // namespace tunesmith
