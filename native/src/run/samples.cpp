#include "run/samples.h"

#include <algorithm>
#include <filesystem>
#include <new>
#include <optional>
#include <set>

#include "error.h"
#include "io/sha256.h"
#include "model/generate.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "samples-invalid";
constexpr size_t kMostBytes = size_t{1} << 20, kMostPrompts = 32, kMostIdBytes = 64;

bool is_id(const std::string& id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !id.empty() && id.size() <= kMostIdBytes && std::all_of(id.begin(), id.end(), allowed);
}

SamplePrompt read_sample(const Json& json, const std::string& file, const std::string& prefix, const LlamaConfig& config) {
  if (!json.is_object()) throw Error(kCode, file + ": " + prefix.substr(0, prefix.size() - 1) + " must be an object.");
  const Fields fields(json, file, prefix, kCode);
  SamplePrompt sample;
  sample.id = fields.string("id");
  if (!is_id(sample.id)) fields.fail("id", "up to 64 letters, digits and hyphens");
  sample.prompt = read_prompt(fields, config);
  return sample;
}

/** Throws Error where nothing of the file can be used; what is wrong with single prompts goes to `problem`. */
void read_into(SampleFile& samples, const std::string& file, const LlamaConfig& config) {
  const Json json = read_json_file(file, kMostBytes);
  if (!json.is_object()) throw Error(kCode, file + " must hold a JSON object.");
  const Fields fields(json, file, "", kCode);
  fields.integer("version", 1, 1);
  const Json& prompts = fields.array("prompts");
  if (prompts.size() > kMostPrompts) fields.fail("prompts", "a list of at most 32 prompts");
  std::set<std::string> ids;
  for (size_t i = 0; i < prompts.size(); ++i) {
    try {
      SamplePrompt sample = read_sample(prompts[i], file, "prompts." + std::to_string(i) + ".", config);
      if (!ids.insert(sample.id).second) throw Error(kCode, file + " names the prompt " + sample.id + " twice.");
      samples.prompts.push_back(std::move(sample));
    } catch (const Error& error) {
      if (samples.problem.empty()) samples.problem = error.what();
    }
  }
}

std::string digest_of(const Prompt& prompt) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(prompt.ids)));
  return hash.finish();
}

/** One answer; nothing where a stop came in between. */
std::optional<SampleEvent> greedy_answer(Generator& generator, const LlamaConfig& config, const SamplePrompt& sample,
                                         int64_t step, bool base, const std::function<bool()>& stopped) {
  SampleEvent event{step, sample.id, base, {}, false};
  bool given_up = false;
  GenerateOptions options;
  options.base = base;
  options.on_token = [&](int32_t) { return !(given_up = stopped()); };
  event.ids = generator.greedy(sample.prompt.ids, sample.prompt.max_tokens, options);
  if (given_up) return std::nullopt;
  const auto& ends = config.end_tokens;
  event.ended = !event.ids.empty() && std::find(ends.begin(), ends.end(), event.ids.back()) != ends.end();
  if (event.ended) event.ids.pop_back();
  return event;
}

}  // namespace

SampleFile read_sample_file(const std::string& run_folder, const LlamaConfig& config) {
  const std::string file = run_folder + "/samples.json";
  SampleFile samples;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return samples;
  try {
    read_into(samples, file, config);
  } catch (const Error& problem) {
    samples.problem = problem.what();
  }
  return samples;
}

Sampler::Sampler(std::string run_folder, const LlamaConfig& config, Listener listener)
    : folder_(std::move(run_folder)), config_(config), listener_(std::move(listener)) {}

void Sampler::warn_once(const std::string& code, const std::string& message) {
  if (message == last_warning_) return;
  last_warning_ = message;
  listener_.warn(code, message);
}

void Sampler::answer(Trainer& trainer, int64_t step, bool fresh, SampledBases& bases) {
  const SampleFile samples = read_sample_file(folder_, config_);
  if (!samples.problem.empty()) {
    warn_once(kCode, "A pinned prompt cannot be answered: " + samples.problem);
  }
  if (samples.prompts.empty()) return;
  // Its cache comes on top of what the run has planned, so it is given back after each evaluation.
  Generator generator(trainer);
  try {
    for (const SamplePrompt& sample : samples.prompts) {
      const std::string digest = digest_of(sample.prompt);
      std::optional<SampleEvent> base;
      if (const auto told = bases.find(sample.id); told == bases.end() || told->second != digest) {
        base = greedy_answer(generator, config_, sample, step, true, listener_.stopped);
        if (!base) return;
        listener_.tell(*base);
        bases[sample.id] = digest;
      }
      std::optional<SampleEvent> tuned = base;
      if (fresh && base) {
        tuned->base = false;
      } else {
        tuned = greedy_answer(generator, config_, sample, step, false, listener_.stopped);
      }
      if (!tuned) return;
      listener_.tell(*tuned);
    }
  } catch (const Error& error) {
    if (error.code() != "out-of-memory") throw;
    warn_once("samples-memory", "The pinned prompts were not answered, for there is too little memory beside the training; "
                                "take shorter prompts or a smaller memory budget.");
  } catch (const std::bad_alloc&) {
    warn_once("samples-memory", "The pinned prompts were not answered, for there is too little memory beside the training.");
  }
}

}  // namespace tunesmith
