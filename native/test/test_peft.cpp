#include <doctest/doctest.h>

#include <cmath>

#include "error.h"
#include "io/json.h"
#include "io/peft.h"
#include "run/training_run.h"
#include "scratch.h"
#include "tiny_run.h"

using namespace tunesmith;

namespace {

/** What PEFT 0.21 writes for a plain LoRA. */
Json written_by_peft() {
  return Json::parse(R"({"alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
    "base_model_name_or_path": "tiny-python", "bias": "none", "corda_config": null, "ensure_weight_tying": false,
    "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
    "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 16,
    "lora_bias": false, "lora_dropout": 0.0, "megatron_config": null, "megatron_core": "megatron.core",
    "modules_to_save": null, "peft_type": "LORA", "peft_version": "0.21.0", "qalora_group_size": 16, "r": 8,
    "rank_pattern": {}, "revision": null, "target_modules": ["down_proj", "v_proj", "q_proj"], "target_parameters": null,
    "task_type": "CAUSAL_LM", "trainable_token_indices": null, "use_dora": false, "use_qalora": false,
    "use_rslora": false})");
}

AdapterConfig read(const Json& json) {
  const Scratch scratch;
  scratch.write("adapter_config.json", json.dump());
  return read_adapter_config(scratch.path());
}

}  // namespace

TEST_CASE("PEFT's adapter_config.json is read") {
  const AdapterConfig config = read(written_by_peft());
  CHECK(config.lora.rank == 8);
  CHECK(config.lora.alpha == 16);
  CHECK(config.base_model == "tiny-python");
  CHECK(config.lora.targets == std::array<bool, kLoraTargets>{true, false, true, false, false, false, true});
}

TEST_CASE("other spellings of an adapter's configuration") {
  Json json = written_by_peft();
  json["target_modules"] = "all-linear";
  CHECK(read(json).lora.targets == std::array<bool, kLoraTargets>{true, true, true, true, true, true, true});
  json["target_modules"] = "o_proj";
  CHECK(read(json).lora.targets == std::array<bool, kLoraTargets>{false, false, false, true, false, false, false});
  CHECK(read(json).lora.scale() == 2);
  json["use_rslora"] = true;
  CHECK(read(json).lora.rank_stabilised);
  CHECK(read(json).lora.scale() == doctest::Approx(16 / std::sqrt(8.0)));
}

TEST_CASE("what the engine does not compute is refused by name") {
  const std::pair<const char*, Json> cases[] = {
      {"peft_type", "LOHA"},
      {"r", 0},
      {"r", "8"},
      {"r", nullptr},
      {"lora_alpha", "16"},
      {"bias", "all"},
      {"rank_pattern", {{"q_proj", 4}}},
      {"alpha_pattern", {{"q_proj", 4}}},
      {"modules_to_save", {"lm_head"}},
      {"layers_to_transform", {0}},
      {"layer_replication", {{0, 1}}},
      {"exclude_modules", "q_proj"},
      {"target_parameters", {"x"}},
      {"trainable_token_indices", {1}},
      {"use_dora", true},
      {"use_qalora", true},
      {"lora_bias", true},
      {"fan_in_fan_out", true},
      {"target_modules", nullptr},
      {"target_modules", Json::array()},
      {"target_modules", {"q_proj", "lm_head"}},
      {"target_modules", ".*_proj"},
      {"target_modules", {1}},
  };
  for (const auto& [field, value] : cases) {
    CAPTURE(field);
    CAPTURE(value.dump());
    Json json = written_by_peft();
    json[field] = value;
    CHECK_THROWS_WITH_AS(read(json), doctest::Contains(field), Error);
  }
}

TEST_CASE("an adapter that a run writes has PEFT's files, names and shapes") {
  const TinyRun run([](Json& spec) {
    spec["training"]["steps"] = 1;
    spec["lora"]["targets"] = {"k_proj", "down_proj"};
    spec["lora"]["alpha"] = 2.5;
  });
  Machine machine;
  train(run.path(), {}, machine);
  const std::string folder = run.path() + "/adapter";
  const AdapterConfig config = read_adapter_config(folder);
  CHECK(config.lora.rank == 4);
  CHECK(config.lora.alpha == 2.5);
  CHECK(config.lora.targets == std::array<bool, kLoraTargets>{false, true, false, false, false, false, true});
  CHECK(config.base_model == run.model());
  const TensorSource tensors = TensorSource::open_file(folder + "/adapter_model.safetensors");
  CHECK(tensors.all().size() == 2 * 2 * 2);
  const auto shape_of = [&](const char* name) { return tensors.all().at("base_model.model.model.layers." + std::string(name)).shape; };
  CHECK(shape_of("0.self_attn.k_proj.lora_A.weight") == std::vector<int64_t>{4, 32});
  CHECK(shape_of("0.self_attn.k_proj.lora_B.weight") == std::vector<int64_t>{16, 4});
  CHECK(shape_of("1.mlp.down_proj.lora_A.weight") == std::vector<int64_t>{4, 48});
  CHECK(shape_of("1.mlp.down_proj.lora_B.weight") == std::vector<int64_t>{32, 4});
}

TEST_CASE("a rank-stabilised adapter with dropout says so, and is read back with its scale") {
  const Scratch scratch;
  AdapterConfig config;
  config.lora.rank = 9, config.lora.alpha = 6, config.lora.dropout = 0.05, config.lora.rank_stabilised = true;
  write_adapter(scratch.path(), {}, config);
  const Json json = Json::parse(scratch.read("adapter_config.json"));
  CHECK(json["use_rslora"] == true);
  CHECK(json["lora_alpha"] == 6);
  CHECK(json["lora_dropout"] == 0.05);
  CHECK(read_adapter_config(scratch.path()).lora.scale() == 2);
  config.lora.dropout = 0, config.lora.rank_stabilised = false;
  write_adapter(scratch.path(), {}, config);
  CHECK(read_adapter_config(scratch.path()).lora.scale() == doctest::Approx(6.0 / 9));
}

TEST_CASE("the reference adapter of PEFT is read, and ours has its names") {
  const std::string folder = TUNESMITH_REPOSITORY "/../shared/golden/peft-r8/adapter_init";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("left out: the reference adapter is not on this machine");
    return;
  }
  CHECK(read_adapter_config(folder).lora.rank == 8);
  const TensorSource theirs = TensorSource::open_file(adapter_weights_path(folder));
  const TinyRun run([](Json& spec) { spec["training"]["steps"] = 1; });
  Machine machine;
  train(run.path(), {}, machine);
  const TensorSource ours = TensorSource::open_file(adapter_weights_path(run.path() + "/adapter"));
  // Ours has two of their eight layers.
  CHECK(ours.all().size() * 4 == theirs.all().size());
  for (const auto& [name, view] : ours.all()) CHECK(theirs.contains(name));
}
