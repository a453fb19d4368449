#include <charconv>
#include <cmath>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/inference.h"
#include "error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "model/generate.h"

namespace tunesmith {

namespace {

constexpr size_t kMaxPrompts = 10'000;

std::vector<std::vector<int32_t>> read_prompts(const std::string& path, const LlamaConfig& config, int greedy) {
  const Json json = read_json_file(path);
  const Fields fields(json, path, "", "prompts-invalid");
  const Json& list = fields.array("prompts");
  fields.refuse_unknown();
  if (list.empty() || list.size() > kMaxPrompts) fields.fail("prompts", "a list of 1 to 10,000 prompts");
  std::vector<std::vector<int32_t>> prompts;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto bad = [&](const std::string& expected) {
      throw Error("prompts-invalid", path + ": prompts." + std::to_string(i) + " must be " + expected + ".");
    };
    const int64_t longest = config.max_position_embeddings - greedy;
    if (!list[i].is_array() || list[i].empty() || static_cast<int64_t>(list[i].size()) > longest) {
      bad("a list of 1 to " + std::to_string(longest) + " token ids");
    }
    std::vector<int32_t> ids;
    for (const Json& id : list[i]) {
      if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(config.vocabulary_size)) {
        bad("token ids below " + std::to_string(config.vocabulary_size) + ", not " + shown(id));
      }
      ids.push_back(id.get<int32_t>());
    }
    prompts.push_back(std::move(ids));
  }
  return prompts;
}

void append_numbers(std::string& text, const char* name, std::span<const int32_t> values) {
  text += std::string("\"") + name + "\":[";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? "," : "") + std::to_string(values[i]);
  text += "]";
}

/** The shortest decimals that read back as the same float32. */
void append_logits(std::string& text, std::span<const float> logits) {
  text += "\"lastLogits\":[";
  char buffer[32];
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) throw Error("logits-not-finite", "The model gives logits that are not finite numbers.");
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, logits[i]).ptr;
    if (i > 0) text += ',';
    text.append(buffer, end);
  }
  text += "]";
}

}  // namespace

int run_reference(const std::vector<std::string>& arguments) {
  const Arguments options(arguments,
                          {"--model", "--adapter", "--prompts", "--greedy", "--out", "--device", "--threads"}, {});
  const Inference inference = inference_options(options);
  const std::string model = options.required("--model"), out = options.required("--out");
  const std::string prompts_path = options.required("--prompts");
  const int greedy = options.number("--greedy", 0, 1'000'000).value_or(0);

  LlamaConfig config = read_llama_config(model);
  if (greedy >= config.max_position_embeddings) throw UsageError{"--greedy is more than the model's context"};
  const auto prompts = read_prompts(prompts_path, config, greedy);
  // The continuation is not cut at an end token.
  config.end_tokens.clear();
  int64_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, static_cast<int64_t>(prompt.size()));
  const auto trainer = open_for_inference(inference, config, model, longest + greedy, 1);
  Generator generator(*trainer);

  std::string text = "{\"prompts\":[";
  std::vector<float> logits(static_cast<size_t>(config.vocabulary_size));
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& ids = prompts[i];
    const int32_t length = static_cast<int32_t>(ids.size()), last = length - 1;
    const std::vector<int32_t> starts = {0, length};
    trainer->logits({ids, starts, {}}, std::span(&last, 1), logits);
    text += i > 0 ? ",{" : "{";
    append_numbers(text, "ids", ids);
    text += ',';
    append_logits(text, logits);
    text += ',';
    append_numbers(text, "greedy", greedy > 0 ? generator.greedy(ids, greedy) : std::vector<int32_t>{});
    text += '}';
  }
  write_file_atomically(out, text + "]}\n");
  return 0;
}

}  // namespace tunesmith
