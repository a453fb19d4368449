#include "tiny_run.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "io/safetensors.h"
#include "train/random.h"

using namespace tunesmith;

namespace {

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::vector<TinyDocument> random_documents(uint32_t sequences, uint64_t seed) {
  Random random(seed, 0);
  std::vector<TinyDocument> documents;
  for (uint32_t s = 0; s < sequences; ++s) {
    for (int d = 0; d < 2; ++d) {
      const size_t length = 4 + random.next() % 8;
      std::vector<int32_t> ids;
      for (size_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>(random.next() % 64));
      documents.push_back({s, ids, static_cast<uint32_t>(1 + random.next() % (length - 1))});
    }
  }
  return documents;
}

Json tiny_spec(const std::string& model) {
  return {{"version", 1},
          {"id", "tiny"},
          {"name", "Tiny"},
          {"createdAt", "2026-01-01T00:00:00.000Z"},
          {"model", {{"path", model}}},
          {"dataset",
           {{"path", "/data.jsonl"},
            {"format", "auto"},
            {"template", "auto"},
            {"heldOut", {{"kind", "none"}}},
            {"maxTrainRows", nullptr},
            {"maxEvalRows", nullptr}}},
          {"sequenceLength", 32},
          {"lora",
           {{"rank", 4},
            {"alpha", 8},
            {"targets", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}}},
          {"optimizer",
           {{"learningRate", 0.01},
            {"beta1", 0.9},
            {"beta2", 0.999},
            {"epsilon", 1e-8},
            {"weightDecay", 0.01},
            {"clipNorm", 1},
            {"schedule", "cosine"},
            {"warmupSteps", 3}}},
          {"training",
           {{"steps", 12},
            {"epochs", nullptr},
            {"sequencesPerStep", 3},
            {"microBatch", 2},
            {"evalEvery", 5},
            {"checkpointEvery", 4},
            {"keepCheckpoints", 5},
            {"seed", 7},
            {"recompute", "auto"}}},
          {"device", "auto"},
          {"threads", 2}};
}

}  // namespace

void write_packed(const Scratch& scratch, const std::string& split, const std::vector<TinyDocument>& documents,
                  const std::string& folder) {
  std::string tokens = "TSTOKENS", records = "TSDOCUMT";
  append<uint32_t>(tokens, 1), append<uint32_t>(tokens, 0);
  append<uint32_t>(records, 1), append<uint32_t>(records, 32);
  uint64_t start = 0;
  uint32_t row = 0;
  for (const TinyDocument& document : documents) {
    const auto length = static_cast<uint32_t>(document.ids.size());
    for (uint32_t i = 0; i < length; ++i) {
      append(tokens, static_cast<uint32_t>(document.ids[i]) | (i + document.targets >= length ? 0x80000000u : 0u));
    }
    append(records, start), append(records, length), append(records, document.targets), append(records, ++row);
    append<uint16_t>(records, 0), append<uint16_t>(records, 0), append(records, document.sequence);
    append<uint32_t>(records, 0);
    start += length;
  }
  scratch.write(folder + split + ".tokens", tokens);
  scratch.write(folder + split + ".documents", records);
}

void write_tiny_model(const Scratch& scratch, const std::string& folder) {
  const Json config = {{"model_type", "llama"},       {"hidden_size", 32},        {"intermediate_size", 48},
                       {"num_hidden_layers", 2},      {"num_attention_heads", 4}, {"num_key_value_heads", 2},
                       {"vocab_size", 64},            {"rms_norm_eps", 1e-5},     {"max_position_embeddings", 128},
                       {"tie_word_embeddings", true}, {"eos_token_id", 63},       {"rope_theta", 10000.0}};
  scratch.write(folder + "/config.json", config.dump());
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes = {{"model.embed_tokens.weight", {64, 32}},
                                                                      {"model.norm.weight", {32}}};
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    shapes.insert(shapes.end(), {{prefix + "input_layernorm.weight", {32}},
                                 {prefix + "post_attention_layernorm.weight", {32}},
                                 {prefix + "self_attn.q_proj.weight", {32, 32}},
                                 {prefix + "self_attn.k_proj.weight", {16, 32}},
                                 {prefix + "self_attn.v_proj.weight", {16, 32}},
                                 {prefix + "self_attn.o_proj.weight", {32, 32}},
                                 {prefix + "mlp.gate_proj.weight", {48, 32}},
                                 {prefix + "mlp.up_proj.weight", {48, 32}},
                                 {prefix + "mlp.down_proj.weight", {32, 48}}});
  }
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  Random random(3, 0);
  values.reserve(shapes.size());
  for (const auto& [name, shape] : shapes) {
    const bool norm = shape.size() == 1;
    std::vector<float> tensor(static_cast<size_t>(shape[0] * (norm ? 1 : shape[1])));
    for (float& value : tensor) value = norm ? 1.0f : static_cast<float>(random.uniform() - 0.5) * 0.5f;
    values.push_back(std::move(tensor));
    tensors.push_back({name, shape, values.back()});
  }
  write_safetensors(scratch.at(folder + "/model.safetensors"), tensors, {});
}

TinyRun::TinyRun(const std::function<void(Json&)>& change) {
  write_tiny_model(scratch_, "model");
  Json spec = tiny_spec(model());
  if (change) change(spec);
  scratch_.write("run/run.json", spec.dump());
  write_packed(scratch_, "train", random_documents(10, 1), "run/data/");
  write_packed(scratch_, "eval", random_documents(3, 2), "run/data/");
}

void TinyRun::edit_spec(const std::function<void(Json&)>& change) const {
  Json spec = Json::parse(scratch_.read("run/run.json"));
  change(spec);
  scratch_.write("run/run.json", spec.dump());
}

void TinyRun::control(const std::string& line) const {
  std::ofstream(scratch_.at("run/control.jsonl"), std::ios::app) << line << "\n";
}

std::vector<Json> TinyRun::events() const {
  const std::string text = scratch_.read("run/events.jsonl");
  std::vector<Json> events;
  size_t start = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    events.push_back(Json::parse(text.substr(start, end - start)));
    start = end + 1;
  }
  return events;
}

std::vector<Json> TinyRun::events(const std::string& type) const {
  std::vector<Json> found;
  for (Json& event : events()) {
    if (event["type"] == type) found.push_back(event);
  }
  return found;
}

std::vector<std::string> TinyRun::warnings(const std::string& code) const {
  std::vector<std::string> found;
  for (const Json& event : events("warning")) {
    if (event["code"] == code) found.push_back(event["message"]);
  }
  return found;
}

EngineProcess::EngineProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::vector<std::string> words = {TUNESMITH_ENGINE}, settings = environment;
  words.insert(words.end(), arguments.begin(), arguments.end());
  // The same on every machine: where there is a GPU, it is hidden.
  settings.emplace_back("CUDA_VISIBLE_DEVICES=");
  for (char** item = environ; *item != nullptr; ++item) settings.emplace_back(*item);
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& setting : settings) envp.push_back(setting.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, scratch_.at("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, 2, scratch_.at("err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " TUNESMITH_ENGINE);
}

EngineProcess::~EngineProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  wait();
}

void EngineProcess::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

bool EngineProcess::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  pid_ = -1;
  result_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return false;
}

int EngineProcess::wait() {
  if (pid_ < 0) return result_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  result_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result_;
}

void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}
