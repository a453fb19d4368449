#include "model/weights.h"

#include <string>

namespace tunesmith {

namespace {

struct Shapes {
  WeightShape table, norm, qkv, o, gate_up, down;
};

Shapes shapes_of(const LlamaConfig& c) {
  constexpr auto kTable = WeightShape::Use::table, kProduct = WeightShape::Use::product;
  const int64_t heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  return {{kTable, c.vocabulary_size, c.hidden_size},
          {kTable, 1, c.hidden_size},
          {kProduct, heads + 2 * kv, c.hidden_size},
          {kProduct, c.hidden_size, heads},
          {kProduct, 2 * c.intermediate_size, c.hidden_size},
          {kProduct, c.hidden_size, c.intermediate_size}};
}

}  // namespace

LlamaWeights::LlamaWeights(Arena& arena, const Device& device, const LlamaConfig& c) {
  const auto take = [&](const WeightShape& shape) {
    return static_cast<Weight*>(arena.take_bytes(device.weight_bytes(shape)));
  };
  const Shapes shapes = shapes_of(c);
  embedding = take(shapes.table);
  layers.resize(static_cast<size_t>(c.layers));
  for (LayerWeights& layer : layers) {
    layer.input_norm = take(shapes.norm);
    layer.qkv = take(shapes.qkv);
    layer.o = take(shapes.o);
    layer.post_norm = take(shapes.norm);
    layer.gate_up = take(shapes.gate_up);
    layer.down = take(shapes.down);
  }
  final_norm = take(shapes.norm);
  head = c.tied_embedding ? embedding : take(shapes.table);
}

int64_t LlamaWeights::parameters(const LlamaConfig& c) {
  const int64_t heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const int64_t layer = 2 * c.hidden_size + c.hidden_size * (2 * heads + 2 * kv + 3 * c.intermediate_size);
  return c.vocabulary_size * c.hidden_size * (c.tied_embedding ? 1 : 2) + c.layers * layer + c.hidden_size;
}

void LlamaWeights::load(Device& device, const LlamaConfig& c, const TensorSource& source) const {
  const Shapes shapes = shapes_of(c);
  const int64_t hidden = c.hidden_size, heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const auto load = [&](Weight* to, const WeightShape& whole, const std::string& name, std::vector<int64_t> shape,
                        int64_t first_row = 0) {
    device.upload_weight(to, whole, first_row, source.at(name, shape));
  };
  load(embedding, shapes.table, "model.embed_tokens.weight", {c.vocabulary_size, hidden});
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerWeights& layer = layers[i];
    const std::string at = "model.layers." + std::to_string(i) + ".";
    load(layer.input_norm, shapes.norm, at + "input_layernorm.weight", {hidden});
    load(layer.qkv, shapes.qkv, at + "self_attn.q_proj.weight", {heads, hidden});
    load(layer.qkv, shapes.qkv, at + "self_attn.k_proj.weight", {kv, hidden}, heads);
    load(layer.qkv, shapes.qkv, at + "self_attn.v_proj.weight", {kv, hidden}, heads + kv);
    load(layer.o, shapes.o, at + "self_attn.o_proj.weight", {hidden, heads});
    load(layer.post_norm, shapes.norm, at + "post_attention_layernorm.weight", {hidden});
    load(layer.gate_up, shapes.gate_up, at + "mlp.gate_proj.weight", {c.intermediate_size, hidden});
    load(layer.gate_up, shapes.gate_up, at + "mlp.up_proj.weight", {c.intermediate_size, hidden}, c.intermediate_size);
    load(layer.down, shapes.down, at + "mlp.down_proj.weight", {hidden, c.intermediate_size});
  }
  load(final_norm, shapes.norm, "model.norm.weight", {hidden});
  if (!c.tied_embedding) load(head, shapes.table, "lm_head.weight", {c.vocabulary_size, hidden});
}

}  // namespace tunesmith
