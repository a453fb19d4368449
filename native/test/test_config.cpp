#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "error.h"
#include "io/json.h"
#include "model/config.h"
#include "scratch.h"

using namespace tunesmith;

namespace {

Json complete() {
  return {{"model_type", "llama"},     {"hidden_size", 32},       {"intermediate_size", 64},
          {"num_hidden_layers", 2},    {"num_attention_heads", 4}, {"num_key_value_heads", 2},
          {"vocab_size", 100},         {"rms_norm_eps", 1e-5},    {"max_position_embeddings", 4096},
          {"tie_word_embeddings", true}, {"eos_token_id", 7},     {"bos_token_id", 6}};
}

LlamaConfig read(const Json& json) {
  const Scratch scratch;
  scratch.write("config.json", json.dump());
  return read_llama_config(scratch.path());
}

std::string failure(const Json& json) {
  try {
    read(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

const Json kLlama3 = {{"factor", 4.0}, {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                      {"original_max_position_embeddings", 1024}};

}  // namespace

TEST_CASE("tiny-python's config.json is read whole") {
  const LlamaConfig config = read_llama_config(TUNESMITH_REPOSITORY "/models/tiny-python");
  CHECK(config.hidden_size == 384);
  CHECK(config.intermediate_size == 1024);
  CHECK(config.layers == 8);
  CHECK(config.query_heads == 6);
  CHECK(config.kv_heads == 2);
  CHECK(config.head_dim == 64);
  CHECK(config.vocabulary_size == 8192);
  CHECK(config.tied_embedding);
  CHECK(config.rope.kind == RopeConfig::Kind::llama3);
  CHECK(config.rope.theta == 500000.0);
  CHECK(config.rope.factor == 4.0);
  CHECK(config.rope.original_max_position_embeddings == 1024);
  CHECK(config.begin_token == 8160);
  CHECK(config.end_tokens == std::vector<int32_t>{8161});
}

TEST_CASE("both spellings of RoPE give the same configuration") {
  Json old_spelling = complete(), new_spelling = complete();
  old_spelling["rope_theta"] = 500000.0;
  old_spelling["rope_scaling"] = kLlama3;
  old_spelling["rope_scaling"]["rope_type"] = "llama3";
  new_spelling["rope_parameters"] = old_spelling["rope_scaling"];
  new_spelling["rope_parameters"]["rope_theta"] = 500000.0;
  const RopeConfig a = read(old_spelling).rope, b = read(new_spelling).rope;
  CHECK(a.kind == RopeConfig::Kind::llama3);
  CHECK(a.kind == b.kind);
  CHECK(a.theta == b.theta);
  CHECK(a.factor == b.factor);
  CHECK(a.low_freq_factor == b.low_freq_factor);
  CHECK(a.high_freq_factor == b.high_freq_factor);
  CHECK(a.original_max_position_embeddings == b.original_max_position_embeddings);
}

TEST_CASE("older names and defaults") {
  Json json = complete();
  CHECK(read(json).rope.theta == 10000.0);
  json["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  CHECK(read(json).rope.kind == RopeConfig::Kind::linear);
  CHECK(read(json).rope.factor == 2.0);
  json["rope_scaling"] = nullptr;
  CHECK(read(json).rope.kind == RopeConfig::Kind::plain);
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5000.0}};
  CHECK(read(json).rope.theta == 5000.0);
  json.erase("num_key_value_heads");
  CHECK(read(json).kv_heads == 4);
  CHECK(read(json).head_dim == 8);
  json["head_dim"] = 16;
  CHECK(read(json).head_dim == 16);
  json["eos_token_id"] = {3, 4};
  CHECK(read(json).end_tokens == std::vector<int32_t>{3, 4});
  json.erase("bos_token_id");
  CHECK(read(json).begin_token == -1);
}

TEST_CASE("a missing field is named") {
  for (const char* field : {"model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                            "vocab_size", "rms_norm_eps", "max_position_embeddings"}) {
    CAPTURE(field);
    Json json = complete();
    json.erase(field);
    const std::string message = failure(json);
    CHECK(message.find("config.json") != std::string::npos);
    CHECK(message.find(": " + std::string(field) + " is missing.") != std::string::npos);
  }
  for (const auto& [field, value] : kLlama3.items()) {
    CAPTURE(field);
    Json json = complete();
    json["rope_scaling"] = kLlama3;
    json["rope_scaling"]["rope_type"] = "llama3";
    json["rope_scaling"].erase(field);
    CHECK(failure(json).find(": rope_scaling." + field + " is missing.") != std::string::npos);
  }
}

TEST_CASE("what the engine cannot compute is refused by name") {
  const std::pair<const char*, Json> cases[] = {
      {"model_type", "mistral"},          {"hidden_act", "gelu"},
      {"attention_bias", true},           {"mlp_bias", true},
      {"hidden_size", 0},                 {"hidden_size", -4},
      {"hidden_size", 1.5},               {"hidden_size", "32"},
      {"hidden_size", 1ull << 40},        {"hidden_size", 1ull << 63},
      {"num_key_value_heads", 3},         {"num_attention_heads", 0},
      {"head_dim", 7},                    {"eos_token_id", 100},
      {"eos_token_id", {1, -2}},          {"bos_token_id", 100},
      {"rms_norm_eps", "small"},          {"rope_theta", -1},
      {"tie_word_embeddings", 1},         {"rope_parameters", 7},
      {"rope_scaling", {{"type", "yarn"}, {"factor", 2}}}, {"quantization_config", {{"bits", 4}}},
      {"rope_scaling", {{"factor", 2}}},
  };
  for (const auto& [field, value] : cases) {
    CAPTURE(field);
    CAPTURE(value.dump());
    Json json = complete();
    json[field] = value;
    CHECK(failure(json).find(": " + std::string(field)) != std::string::npos);
  }
}

TEST_CASE("a config.json that is no JSON object is refused") {
  for (const char* text : {"", "{", "[]", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "{\"hidden_size\":1e999}"}) {
    CAPTURE(text);
    const Scratch scratch;
    scratch.write("config.json", text);
    CHECK_THROWS_AS(read_llama_config(scratch.path()), Error);
  }
  const Scratch empty;
  CHECK_THROWS_AS(read_llama_config(empty.path()), Error);
}
