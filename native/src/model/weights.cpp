#include "model/weights.h"

#include <string>

namespace tunesmith {

void LlamaWeights::lay_out(const Device& device, const LlamaConfig& c, Arena& arena) {
  const auto take = [&](int64_t count) { return arena.take<Weight>(count, device.weight_size()); };
  embedding = take(c.vocabulary_size * c.hidden_size);
  layers.resize(static_cast<size_t>(c.layers));
  for (LayerWeights& layer : layers) {
    layer.input_norm = take(c.hidden_size);
    layer.qkv = take((c.query_heads + 2 * c.kv_heads) * c.head_dim * c.hidden_size);
    layer.o = take(c.hidden_size * c.query_heads * c.head_dim);
    layer.post_norm = take(c.hidden_size);
    layer.gate_up = take(2 * c.intermediate_size * c.hidden_size);
    layer.down = take(c.hidden_size * c.intermediate_size);
  }
  final_norm = take(c.hidden_size);
  head = c.tied_embedding ? embedding : take(c.vocabulary_size * c.hidden_size);
}

size_t LlamaWeights::bytes(const Device& device, const LlamaConfig& config) {
  LlamaWeights dry;
  Arena arena;
  dry.lay_out(device, config, arena);
  return arena.used();
}

int64_t LlamaWeights::parameters(const LlamaConfig& c) {
  const int64_t heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const int64_t layer = 2 * c.hidden_size + c.hidden_size * (2 * heads + 2 * kv + 3 * c.intermediate_size);
  return c.vocabulary_size * c.hidden_size * (c.tied_embedding ? 1 : 2) + c.layers * layer + c.hidden_size;
}

LlamaWeights::LlamaWeights(Device& device, const LlamaConfig& c, const TensorSource& source)
    : memory_(std::make_unique<DeviceMemory>(device, bytes(device, c), MemoryKind::device)) {
  Arena arena(memory_->data());
  lay_out(device, c, arena);

  const int64_t hidden = c.hidden_size, heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const auto load = [&](Weight* to, const std::string& name, std::vector<int64_t> shape) {
    device.upload_weight(to, source.at(name, shape));
  };
  load(embedding, "model.embed_tokens.weight", {c.vocabulary_size, hidden});
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerWeights& layer = layers[i];
    const std::string at = "model.layers." + std::to_string(i) + ".";
    load(layer.input_norm, at + "input_layernorm.weight", {hidden});
    load(layer.qkv, at + "self_attn.q_proj.weight", {heads, hidden});
    load(advance(device, layer.qkv, heads * hidden), at + "self_attn.k_proj.weight", {kv, hidden});
    load(advance(device, layer.qkv, (heads + kv) * hidden), at + "self_attn.v_proj.weight", {kv, hidden});
    load(layer.o, at + "self_attn.o_proj.weight", {hidden, heads});
    load(layer.post_norm, at + "post_attention_layernorm.weight", {hidden});
    load(layer.gate_up, at + "mlp.gate_proj.weight", {c.intermediate_size, hidden});
    load(advance(device, layer.gate_up, c.intermediate_size * hidden), at + "mlp.up_proj.weight",
         {c.intermediate_size, hidden});
    load(layer.down, at + "mlp.down_proj.weight", {hidden, c.intermediate_size});
  }
  load(final_norm, "model.norm.weight", {hidden});
  if (!c.tied_embedding) load(head, "lm_head.weight", {c.vocabulary_size, hidden});
}

}  // namespace tunesmith
