#include <cmath>
#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/inference.h"
#include "error.h"
#include "io/document_losses.h"
#include "io/json.h"
#include "io/tokens.h"

namespace tunesmith {

namespace {

/** Sum of NLL over the split; where `losses` is given, each document's mean goes there. */
double evaluate(Trainer& trainer, const PackedSplit& split, std::vector<DocumentLoss>* losses) {
  double sum = 0;
  BatchBuffer buffer;
  std::vector<float> nll;
  for (int64_t i = 0; i < split.sequences(); ++i) {
    buffer.clear();
    split.append(i, buffer);
    if (losses == nullptr) {
      sum += trainer.evaluate(buffer.batch());
      continue;
    }
    nll.resize(buffer.target_rows.size());
    trainer.target_nll(buffer.batch(), nll);
    TargetMeans means(nll);
    for (const PackedDocument& document : split.documents_of(i)) {
      losses->push_back({means.next(document.targets), 0, document.targets});
    }
    sum += means.sum();
  }
  return sum;
}

}  // namespace

int run_evaluate(const std::vector<std::string>& arguments) {
  const Arguments options(arguments,
                          {"--model", "--adapter", "--data", "--split", "--device", "--threads", "--per-document"},
                          {"--json"});
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
  const std::optional<std::string> per_document = options.optional("--per-document");
  std::vector<DocumentLoss> losses;
  const double sum = evaluate(*trainer, split, per_document ? &losses : nullptr);
  const double loss = sum / static_cast<double>(split.targets());
  if (!std::isfinite(loss)) throw Error("loss-not-finite", "The loss of " + model + " on these data is not a finite number.");
  if (per_document) write_document_losses(*per_document, losses);
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
