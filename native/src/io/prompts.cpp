#include "io/prompts.h"

#include "error.h"

namespace tunesmith {

namespace {
constexpr const char* kCode = "prompts-invalid";
constexpr size_t kMostBytes = size_t{64} << 20, kMostPrompts = 10'000;
}  // namespace

Prompt read_prompt(const Fields& fields, const LlamaConfig& config) {
  Prompt prompt;
  const Json& ids = fields.array("ids");
  const int64_t context = config.max_position_embeddings;
  const auto length = static_cast<int64_t>(ids.size());
  if (length < 1 || length >= context) fields.fail("ids", "a list of 1 to " + std::to_string(context - 1) + " token ids");
  for (const Json& id : ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(config.vocabulary_size)) {
      fields.fail("ids", "token ids below " + std::to_string(config.vocabulary_size));
    }
    prompt.ids.push_back(id.get<int32_t>());
  }
  prompt.max_tokens = static_cast<int>(fields.integer("maxTokens", 1, context - length));
  return prompt;
}

std::vector<Prompt> read_prompts(const std::string& path, const LlamaConfig& config) {
  const std::string text = read_file(path, kMostBytes);
  std::vector<Prompt> prompts;
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (prompts.size() == kMostPrompts) throw Error(kCode, path + " holds more than 10,000 prompts; ask for fewer at once.");
    const std::string where = path + ", line " + std::to_string(number);
    const Json json = parse_json(line, where);
    const Fields fields(json, where, "", kCode);
    prompts.push_back(read_prompt(fields, config));
    fields.refuse_unknown();
  }
  if (prompts.empty()) throw Error(kCode, path + " holds no prompt; write one a line as {\"ids\": […], \"maxTokens\": N}.");
  return prompts;
}

}  // namespace tunesmith
