#include <algorithm>
#include <cstdio>
#include <limits>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "error.h"
#include "io/json.h"
#include "io/tokens.h"
#include "run/row_losses.h"
#include "run/run_spec.h"
#include "run/sequence_order.h"

namespace tunesmith {

int run_rows(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {"--run", "--step"}, {"--json"});
  const std::string run = options.required("--run");
  const auto step = options.whole("--step", 1, 10'000'000);
  if (!step) throw UsageError{"--step is needed"};

  const RunSpec spec = read_run_spec(run + "/run.json");
  // What the model takes was checked when the run began; here nothing is computed.
  constexpr int64_t kAny = std::numeric_limits<int32_t>::max();
  const PackedSplit split = PackedSplit::open(run + "/data", "train", kAny, kAny);
  if (split.sequences() == 0) throw Error("data-empty", run + "/data/train.tokens holds no rows; prepare the run's data.");
  const RunLength length = run_length(split.sequences(), spec.sequences_per_step, spec.steps ? &*spec.steps : nullptr,
                                      spec.epochs ? &*spec.epochs : nullptr);
  if (*step > length.steps) {
    throw Error("step-unknown", "The run in " + run + " has " + std::to_string(length.steps) + " steps, so there is no step " +
                                    std::to_string(*step) + "; choose one of its steps.");
  }
  SequenceOrder order(split.sequences(), spec.seed);
  std::vector<int64_t> indices;
  std::vector<PackedDocument> documents;
  const int64_t begin = (*step - 1) * spec.sequences_per_step;
  for (int64_t at = begin; at < std::min(begin + spec.sequences_per_step, length.sequences); ++at) {
    const int64_t sequence = order.at(at);
    int64_t index = split.first_document(sequence);
    for (const PackedDocument& document : split.documents_of(sequence)) {
      indices.push_back(index++);
      documents.push_back(document);
    }
  }
  const auto losses = latest_row_losses(run, split.documents(), indices);
  Json rows = Json::array();
  for (size_t i = 0; i < documents.size(); ++i) {
    const PackedDocument& document = documents[i];
    rows.push_back({{"source", document.source},
                    {"row", document.row},
                    {"tokens", document.length},
                    {"targets", document.targets},
                    {"loss", losses[i] ? Json(losses[i]->mean) : Json(nullptr)}});
  }
  const Json json = {{"step", *step}, {"rows", rows}};
  std::printf("%s\n", json.dump(options.flag("--json") ? -1 : 2).c_str());
  return 0;
}

}  // namespace tunesmith
