#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/json.h"
#include "model/config.h"

namespace tunesmith {

/** Tokens to be continued, and where the answer ends at the latest. */
struct Prompt {
  std::vector<int32_t> ids;
  int max_tokens = 0;
};

/** Its `ids` and `maxTokens`: ids inside the vocabulary, at least one; prompt and answer
    together inside the context. Throws Error. */
Prompt read_prompt(const Fields& object, const LlamaConfig& config);

/** A file of such objects, one a line. Throws Error naming file and line. */
std::vector<Prompt> read_prompts(const std::string& path, const LlamaConfig& config);

}  // namespace tunesmith
