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
  const std::vector<int32_t> ids = generator.greedy(prompt.ids, prompt.max_tokens);
  bool ended = false;
  for (const int32_t id : ids) {
    ended = std::find(config.end_tokens.begin(), config.end_tokens.end(), id) != config.end_tokens.end();
    if (!ended) tell({{"type", "token"}, {"prompt", index}, {"base", base}, {"id", id}});
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  tell({{"type", "end"}, {"prompt", index}, {"base", base}, {"ended", ended}, {"seconds", seconds}});
}

}  // namespace

int run_generate(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {"--model", "--adapter", "--prompts", "--device", "--threads"}, {"--base"});
  const Inference inference = inference_options(options);
  const std::string model = options.required("--model");
  const LlamaConfig config = read_llama_config(model);
  const std::vector<Prompt> prompts = read_prompts(options.required("--prompts"), config);

  // The generator has working space of its own: the trainer's is the least there is.
  std::unique_ptr<Trainer> base, tuned;
  if (!inference.adapter || options.flag("--base")) {
    Inference plain = inference;
    plain.adapter.reset();
    base = open_for_inference(plain, config, model, 1, 1);
  }
  if (inference.adapter) tuned = open_for_inference(inference, config, model, 1, 1);
  std::optional<Generator> of_base, of_tuned;
  if (base) of_base.emplace(*base);
  if (tuned) of_tuned.emplace(*tuned);
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (of_base) answer(*of_base, config, prompts[i], i, true);
    if (of_tuned) answer(*of_tuned, config, prompts[i], i, false);
  }
  return 0;
}

}  // namespace tunesmith
