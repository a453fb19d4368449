#include <algorithm>
#include <chrono>
#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/inference.h"
#include "error.h"
#include "io/json.h"
#include "io/prompts.h"
#include "model/generate.h"

namespace tunesmith {

namespace {

/** One line, at once: a reader follows the answer while it is made. */
void tell(const nlohmann::ordered_json& line) {
  std::printf("%s\n", line.dump().c_str());
  if (std::fflush(stdout) != 0) throw Error("file-unwritable", "Standard output cannot be written.");
}

void answer(Generator& generator, const LlamaConfig& config, const Prompt& prompt, size_t index, bool base) {
  const auto begin = std::chrono::steady_clock::now();
  bool ended = false;
  GenerateOptions options;
  options.base = base;
  options.on_token = [&](int32_t id) {
    ended = std::find(config.end_tokens.begin(), config.end_tokens.end(), id) != config.end_tokens.end();
    if (!ended) tell({{"type", "token"}, {"prompt", index}, {"base", base}, {"id", id}});
    return true;
  };
  generator.greedy(prompt.ids, prompt.max_tokens, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  tell({{"type", "end"}, {"prompt", index}, {"base", base}, {"ended", ended}, {"seconds", seconds}});
}

}  // namespace

int run_generate(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {"--model", "--adapter", "--prompts", "--device", "--threads"}, {"--base"});
  const Inference inference = inference_options(options);
  const std::string model = options.required("--model"), prompts_path = options.required("--prompts");
  const LlamaConfig config = read_llama_config(model);
  const std::vector<Prompt> prompts = read_prompts(prompts_path, config);

  // The generator has working space of its own: the trainer's is the least there is.
  const auto trainer = open_for_inference(inference, config, model, 1, 1);
  Generator generator(*trainer);
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (!inference.adapter || options.flag("--base")) answer(generator, config, prompts[i], i, true);
    if (inference.adapter) answer(generator, config, prompts[i], i, false);
  }
  return 0;
}

}  // namespace tunesmith
