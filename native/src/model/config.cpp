#include "model/config.h"

#include <cmath>

#include "error.h"
#include "io/json.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "config-invalid";
constexpr int64_t kMaxSize = int64_t{1} << 20;

/** `kind` fields: those of `rope_parameters` (transformers 5) or of `rope_scaling` (4). */
void read_rope_kind(const Fields& rope, const char* kind_field, const LlamaConfig& config, RopeConfig& out) {
  static const std::vector<const char*> kinds = {"default", "linear", "llama3"};
  const size_t kind = rope.absent(kind_field) ? 0 : rope.choice(kind_field, kinds);
  if (!rope.absent("partial_rotary_factor")) rope.number("partial_rotary_factor", 1, 1);
  if (kind == 0) return;
  out.factor = rope.number("factor", 1, 1e6);
  if (kind == 1) {
    out.kind = RopeConfig::Kind::linear;
    return;
  }
  out.kind = RopeConfig::Kind::llama3;
  out.low_freq_factor = rope.number("low_freq_factor", 1e-6, 1e6);
  out.high_freq_factor = rope.number("high_freq_factor", 1e-6, 1e6);
  if (out.high_freq_factor <= out.low_freq_factor) rope.fail("high_freq_factor", "above low_freq_factor");
  out.original_max_position_embeddings =
      rope.integer("original_max_position_embeddings", 1, config.max_position_embeddings);
}

RopeConfig read_rope(const Fields& fields, const LlamaConfig& config) {
  RopeConfig rope;
  if (!fields.absent("rope_parameters")) {
    const Fields parameters = fields.object("rope_parameters");
    rope.theta = parameters.number("rope_theta", 1, 1e12);
    if (!fields.absent("rope_theta") && fields.number("rope_theta", 1, 1e12) != rope.theta) {
      fields.fail("rope_theta", "the same as in rope_parameters, or absent");
    }
    read_rope_kind(parameters, "rope_type", config, rope);
    return rope;
  }
  if (!fields.absent("rope_theta")) rope.theta = fields.number("rope_theta", 1, 1e12);
  if (fields.absent("rope_scaling")) return rope;
  const Fields scaling = fields.object("rope_scaling");
  if (scaling.absent("rope_type") && scaling.absent("type")) {
    scaling.fail("rope_type", "\"default\", \"linear\" or \"llama3\"");
  }
  read_rope_kind(scaling, scaling.absent("rope_type") ? "type" : "rope_type", config, rope);
  return rope;
}

std::vector<int32_t> read_end_tokens(const Json& json, const Fields& fields, int64_t vocabulary) {
  if (fields.absent("eos_token_id")) return {};
  if (!json["eos_token_id"].is_array()) {
    return {static_cast<int32_t>(fields.integer("eos_token_id", 0, vocabulary - 1))};
  }
  std::vector<int32_t> tokens;
  for (const Json& item : fields.array("eos_token_id")) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() >= static_cast<uint64_t>(vocabulary)) {
      fields.fail("eos_token_id", "token ids below vocab_size (" + std::to_string(vocabulary) + ")");
    }
    tokens.push_back(item.get<int32_t>());
  }
  return tokens;
}

/** Of quantised checkpoints the engine reads bitsandbytes' NF4. */
void check_quantisation(const Fields& quantisation) {
  if (!quantisation.absent("quant_method")) quantisation.choice("quant_method", {"bitsandbytes"});
  if (!quantisation.absent("load_in_8bit") && quantisation.boolean("load_in_8bit")) {
    quantisation.fail("load_in_8bit", "false: of bitsandbytes' formats the engine reads 4-bit NF4");
  }
  if (quantisation.absent("load_in_4bit") || !quantisation.boolean("load_in_4bit")) {
    quantisation.fail("load_in_4bit", "true: of the quantised formats the engine reads bitsandbytes' 4-bit NF4");
  }
  quantisation.choice("bnb_4bit_quant_type", {"nf4"});
}

void refuse_unsupported(const Fields& fields) {
  fields.choice("model_type", {"llama"});
  if (!fields.absent("hidden_act")) fields.choice("hidden_act", {"silu"});
  for (const char* bias : {"attention_bias", "mlp_bias"}) {
    if (!fields.absent(bias) && fields.boolean(bias)) fields.fail(bias, "false: biases are not supported");
  }
  if (!fields.absent("quantization_config")) check_quantisation(fields.object("quantization_config"));
}

}  // namespace

LlamaConfig read_llama_config(const std::string& directory) {
  const std::string path = directory + "/config.json";
  const Json json = read_json_file(path, size_t{4} << 20);
  const Fields fields(json, path, "", kCode);
  refuse_unsupported(fields);

  LlamaConfig config;
  config.hidden_size = fields.integer("hidden_size", 1, kMaxSize);
  config.intermediate_size = fields.integer("intermediate_size", 1, kMaxSize);
  config.layers = fields.integer("num_hidden_layers", 1, 1024);
  config.query_heads = fields.integer("num_attention_heads", 1, 4096);
  config.kv_heads =
      fields.absent("num_key_value_heads") ? config.query_heads : fields.integer("num_key_value_heads", 1, 4096);
  if (config.query_heads % config.kv_heads != 0) {
    fields.fail("num_key_value_heads", "a divisor of num_attention_heads (" + std::to_string(config.query_heads) + ")");
  }
  if (fields.absent("head_dim")) {
    if (config.hidden_size % config.query_heads != 0) {
      fields.fail("num_attention_heads", "a divisor of hidden_size where head_dim is not given");
    }
    config.head_dim = config.hidden_size / config.query_heads;
  } else {
    config.head_dim = fields.integer("head_dim", 1, 4096);
  }
  if (config.head_dim % 2 != 0) fields.fail("head_dim", "even (rotary embedding turns pairs)");
  config.vocabulary_size = fields.integer("vocab_size", 1, int64_t{1} << 24);
  config.max_position_embeddings = fields.integer("max_position_embeddings", 1, int64_t{1} << 30);
  config.rms_norm_eps = fields.number("rms_norm_eps", 0, 1);
  config.tied_embedding = !fields.absent("tie_word_embeddings") && fields.boolean("tie_word_embeddings");
  config.rope = read_rope(fields, config);
  config.end_tokens = read_end_tokens(json, fields, config.vocabulary_size);
  if (!fields.absent("bos_token_id")) {
    config.begin_token = static_cast<int32_t>(fields.integer("bos_token_id", 0, config.vocabulary_size - 1));
  }
  return config;
}

}  // namespace tunesmith
