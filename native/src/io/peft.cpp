#include "io/peft.h"

#include <cmath>

#include "error.h"
#include "io/atomic_file.h"
#include "io/json.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "adapter-config-invalid";

std::string config_path(const std::string& folder) { return folder + "/adapter_config.json"; }

int target_index(const Json& name) {
  for (int i = 0; i < kLoraTargets; ++i) {
    if (name.is_string() && name.get_ref<const std::string&>() == name_of(static_cast<LoraTarget>(i))) return i;
  }
  return -1;
}

std::array<bool, kLoraTargets> read_targets(const Json& json, const Fields& fields) {
  static constexpr const char* kExpected =
      "a list of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj, or \"all-linear\"";
  std::array<bool, kLoraTargets> targets{};
  if (fields.absent("target_modules")) fields.fail("target_modules", kExpected);
  const Json& value = json["target_modules"];
  if (value == "all-linear") {
    targets.fill(true);
    return targets;
  }
  // A lone string is a regular expression to PEFT; only a plain name has one meaning.
  const Json names = value.is_string() ? Json::array({value}) : value;
  if (!names.is_array() || names.empty()) fields.fail("target_modules", kExpected);
  for (const Json& name : names) {
    const int index = target_index(name);
    if (index < 0) fields.fail("target_modules", kExpected);
    targets[static_cast<size_t>(index)] = true;
  }
  return targets;
}

bool is_off(const Json& value) {
  return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
}

void refuse_unsupported(const Json& json, const Fields& fields) {
  fields.choice("peft_type", {"LORA"});
  if (!fields.absent("bias")) fields.choice("bias", {"none"});
  for (const char* feature :
       {"rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "layers_pattern", "layer_replication",
        "exclude_modules", "target_parameters", "trainable_token_indices", "alora_invocation_tokens", "use_dora",
        "use_qalora", "use_bdlora", "lora_bias", "fan_in_fan_out", "megatron_config", "arrow_config"}) {
    if (!fields.absent(feature) && !is_off(json[feature])) {
      fields.fail(feature, "off or empty: the engine does not compute it");
    }
  }
}

}  // namespace

std::string adapter_weights_path(const std::string& folder) { return folder + "/adapter_model.safetensors"; }

AdapterConfig read_adapter_config(const std::string& folder) {
  const std::string path = config_path(folder);
  const Json json = read_json_file(path, size_t{4} << 20);
  const Fields fields(json, path, "", kCode);
  refuse_unsupported(json, fields);
  AdapterConfig config;
  config.lora.rank = fields.integer("r", 1, 65536);
  config.lora.alpha = fields.number("lora_alpha", 0, 1e9);
  config.lora.targets = read_targets(json, fields);
  if (!fields.absent("use_rslora")) config.lora.rank_stabilised = fields.boolean("use_rslora");
  if (!fields.absent("base_model_name_or_path")) config.base_model = fields.string("base_model_name_or_path");
  return config;
}

void write_adapter(const std::string& folder, std::span<const NamedTensor> tensors, const AdapterConfig& config) {
  Json targets = Json::array();
  for (int i = 0; i < kLoraTargets; ++i) {
    if (config.lora.targets[static_cast<size_t>(i)]) targets.push_back(name_of(static_cast<LoraTarget>(i)));
  }
  const double alpha = config.lora.alpha;
  const bool whole = std::trunc(alpha) == alpha && std::abs(alpha) < 1e15;
  const Json json = {
      {"peft_type", "LORA"},
      {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", config.base_model},
      {"revision", nullptr},
      {"r", config.lora.rank},
      {"lora_alpha", whole ? Json(static_cast<int64_t>(alpha)) : Json(alpha)},
      {"lora_dropout", config.lora.dropout},
      {"target_modules", targets},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"layers_pattern", nullptr},
      {"layers_to_transform", nullptr},
      {"modules_to_save", nullptr},
      {"rank_pattern", Json::object()},
      {"alpha_pattern", Json::object()},
      {"use_dora", false},
      {"use_rslora", config.lora.rank_stabilised},
  };
  // An invalid byte in a path's name must not stop the run's last write.
  write_file_atomically(config_path(folder), json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_safetensors(adapter_weights_path(folder), tensors, {{"format", "pt"}});
}

}  // namespace tunesmith
