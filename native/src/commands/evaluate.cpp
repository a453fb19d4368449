#include <cmath>
#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/inference.h"
#include "error.h"
#include "io/json.h"
#include "io/tokens.h"

namespace tunesmith {

int run_evaluate(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {"--model", "--adapter", "--data", "--split", "--device", "--threads"}, {"--json"});
  const Inference inference = inference_options(options);
  const std::string model = options.required("--model"), data = options.required("--data");
  const std::string split_name = options.required("--split");
  if (split_name != "train" && split_name != "eval") throw UsageError{"--split must be train or eval"};

  const LlamaConfig config = read_llama_config(model);
  const PackedSplit split = PackedSplit::open(data, split_name, config.vocabulary_size, config.max_position_embeddings);
  if (split.sequences() == 0) {
    throw Error("data-empty", data + "/" + split_name + ".tokens holds nothing to evaluate on; hold some rows out.");
  }
  const auto trainer = open_for_inference(inference, config, model, split.longest_sequence(), split.most_targets());
  double sum = 0;
  BatchBuffer buffer;
  for (int64_t i = 0; i < split.sequences(); ++i) {
    buffer.clear();
    split.append(i, buffer);
    sum += trainer->evaluate(buffer.batch());
  }
  const double loss = sum / static_cast<double>(split.targets());
  if (!std::isfinite(loss)) throw Error("loss-not-finite", "The loss of " + model + " on these data is not a finite number.");
  if (options.flag("--json")) {
    const Json json = {{"loss", loss}, {"targets", split.targets()}, {"documents", split.documents()}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    std::printf("loss %.6f (mean over %lld targets of %lld documents)\n", loss, static_cast<long long>(split.targets()),
                static_cast<long long>(split.documents()));
  }
  return 0;
}

}  // namespace tunesmith
