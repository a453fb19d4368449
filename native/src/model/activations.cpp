#include "model/activations.h"

#include <algorithm>

namespace tunesmith {

ScratchLimits scratch_limits(const LlamaConfig& c, const AdapterLayout& adapter, int64_t tokens) {
  ScratchLimits limits;
  limits.tokens = tokens;
  limits.attention = {c.query_heads, c.kv_heads, c.head_dim};
  limits.parameters = adapter.count();
  for (int g = 0; g < kLinearGroups; ++g) {
    const LinearGroup group = static_cast<LinearGroup>(g);
    const auto [in, out] = adapter.size(group);
    limits.product_weights = std::max(limits.product_weights, in * out);
    if (!adapter.trains(group)) continue;
    limits.widest = std::max({limits.widest, in, out});
    limits.adapter_columns = std::max(limits.adapter_columns, adapter.columns(group));
  }
  return limits;
}

int64_t head_chunk_rows(const Device& device, const LlamaConfig& config, const ActivationLimits& limits) {
  constexpr int64_t kFewest = 64, kMost = 8192, kTile = 128;  // rows of a tile of the products
  constexpr int64_t kSmallBytes = int64_t{128} << 20;
  int64_t bytes = device.logits_chunk_bytes();
  if (!limits.keep.gate_up) {
    // Where memory is short, no more than the MLP's working space, which it shares, or little.
    const int64_t mlp = limits.tokens * 3 * config.intermediate_size * static_cast<int64_t>(device.activation_size());
    bytes = std::min(bytes, std::max(mlp, kSmallBytes));
  }
  const int64_t row_bytes = config.vocabulary_size * static_cast<int64_t>(device.activation_size());
  int64_t chunk = std::clamp(bytes / row_bytes, kFewest, kMost);
  if (chunk >= kTile) chunk = chunk / kTile * kTile;
  return std::clamp<int64_t>(limits.targets, 1, chunk);
}

Activations lay_out_activations(Arena& arena, const Device& device, const LlamaConfig& c, const AdapterLayout& adapter,
                                const ActivationLimits& limits) {
  const int64_t tokens = limits.tokens, hidden = c.hidden_size, heads = c.query_heads * c.head_dim;
  const int64_t row_width = (c.query_heads + 2 * c.kv_heads) * c.head_dim;
  const auto activation = [&](Arena& from, int64_t count) {
    return from.take<Activation>(count, device.activation_size());
  };
  const size_t before = arena.used();
  Activations a;
  a.ids = arena.take<int32_t>(tokens);
  a.positions = arena.take<int32_t>(tokens);
  a.starts = arena.take<int32_t>(tokens + 1);
  a.target_rows = arena.take<int32_t>(limits.targets);
  a.targets = arena.take<int32_t>(limits.targets);

  const auto take_attention = [&](LayerActivations& layer) {
    layer.input_rstd = arena.take<float>(tokens);
    layer.qkv = activation(arena, tokens * row_width);
    layer.lse = arena.take<float>(tokens * c.query_heads);
    layer.attention = activation(arena, tokens * heads);
    layer.middle = activation(arena, tokens * hidden);
    layer.post_rstd = arena.take<float>(tokens);
    for (int g = 0; g < kLinearGroups; ++g) {
      const int64_t columns = adapter.columns(static_cast<LinearGroup>(g));
      layer.xa[static_cast<size_t>(g)] =
          columns > 0 ? activation(arena, tokens * device.adapter_stride(columns)) : nullptr;
    }
  };
  LayerActivations shared{};
  if (!limits.keep.attention) take_attention(shared);
  a.layers.assign(static_cast<size_t>(c.layers), shared);
  for (LayerActivations& layer : a.layers) {
    layer.x = activation(arena, tokens * hidden);
    if (limits.keep.attention) take_attention(layer);
    if (limits.keep.gate_up) layer.gate_up = activation(arena, tokens * 2 * c.intermediate_size);
  }
  a.x_final = activation(arena, tokens * hidden);
  a.saved_bytes = arena.used() - before;

  a.normed = activation(arena, tokens * hidden);
  int64_t widest = 0, widest_input = 0;
  for (int g = 0; g < kLinearGroups; ++g) {
    const LinearGroup group = static_cast<LinearGroup>(g);
    if (!adapter.trains(group)) continue;
    widest = std::max(widest, adapter.columns(group));
    widest_input = std::max(widest_input, adapter.size(group).in);
  }
  a.g = activation(arena, tokens * device.adapter_stride(widest));
  a.dropped = limits.dropout ? activation(arena, tokens * widest_input) : nullptr;
  a.dx = activation(arena, tokens * hidden);
  a.dnormed = a.normed;  // a linear op's dx may take the place of its x
  a.nll = arena.take<float>(limits.targets);
  a.loss_sum = arena.take<double>(3);
  a.norm = a.loss_sum + 1;
  a.evaluated_sum = a.loss_sum + 2;

  Arena mlp = arena, attention = arena, head = arena;
  a.mlp = activation(mlp, tokens * c.intermediate_size);
  if (!limits.keep.gate_up) {
    Activation* gate_up = activation(mlp, tokens * 2 * c.intermediate_size);
    for (LayerActivations& layer : a.layers) layer.gate_up = gate_up;
  }
  a.dattention = activation(attention, tokens * heads);
  a.dqkv = activation(attention, tokens * row_width);
  a.head.chunk = head_chunk_rows(device, c, limits);
  a.head.rows = head.take<int32_t>(a.head.chunk);
  a.head.x = activation(head, a.head.chunk * hidden);
  a.head.normed = activation(head, a.head.chunk * hidden);
  a.head.dnormed = activation(head, a.head.chunk * hidden);
  a.head.dx = activation(head, a.head.chunk * hidden);
  a.head.rstd = head.take<float>(a.head.chunk);
  a.head.logits = activation(head, a.head.chunk * c.vocabulary_size);
  arena.cover(mlp);
  arena.cover(attention);
  const size_t without_head = arena.used();
  arena.cover(head);
  a.working_bytes = without_head - before - a.saved_bytes;
  a.head_bytes = arena.used() - without_head;
  return a;
}

}  // namespace tunesmith
