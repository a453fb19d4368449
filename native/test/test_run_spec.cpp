#include <doctest/doctest.h>

#include <set>

#include "error.h"
#include "run/run_spec.h"
#include "run/sequence_order.h"
#include "tiny_run.h"

using namespace tunesmith;

namespace {

Json valid() {
  const TinyRun run;
  Json spec = Json::parse(run.scratch().read("run/run.json"));
  spec["dataset"]["heldOut"] = {{"kind", "fraction"}, {"fraction", 0.1}, {"by", "source"}};
  spec["dataset"]["completion"] = {{"share", 0.7}, {"answers", true}, {"folder", "/code"}};
  spec["parent"] = {{"run", "an-earlier-one"}, {"step", 30}};
  spec["training"]["earlyStopping"] = {{"patience", 3}, {"minDelta", 0.01}};
  return spec;
}

std::string failure(const Json& spec) {
  try {
    parse_run_spec(spec, "run.json");
  } catch (const Error& error) {
    CHECK(error.code() == "run-invalid");
    return error.what();
  }
  return "";
}

Json::json_pointer pointer(std::string name) {
  for (char& c : name) c = c == '.' ? '/' : c;
  return Json::json_pointer("/" + name);
}

void erase(Json& spec, const std::string& name) {
  const auto where = pointer(name);
  spec.at(where.parent_pointer()).erase(where.back());
}

}  // namespace

TEST_CASE("every field of run.json is needed but those that came later, and no other is taken") {
  const Json spec = valid();
  REQUIRE(failure(spec) == "");
  const std::set<std::string> later = {"model.quantization",
                                       "model.adapter",
                                       "dataset.weight",
                                       "dataset.mixture",
                                       "dataset.packing",
                                       "lora.dropout",
                                       "lora.rankStabilised",
                                       "memoryBudget"};
  for (const std::string& name : run_spec_fields()) {
    CAPTURE(name);
    if (name == "dataset.heldOut.path" || later.contains(name)) continue;
    Json changed = spec;
    erase(changed, name);
    CHECK(failure(changed) == "run.json: " + name + " is missing.");
  }
  std::set<std::string> parents = {""};
  for (const std::string& name : run_spec_fields()) {
    const size_t dot = name.rfind('.');
    if (dot != std::string::npos) parents.insert(name.substr(0, dot + 1));
  }
  for (const std::string& parent : parents) {
    CAPTURE(parent);
    Json changed = spec;
    changed[pointer(parent + "colour")] = "green";
    CHECK(failure(changed).find("run.json: " + parent + "colour is not a field") == 0);
    if (parent.empty()) continue;
    changed = spec;
    changed[pointer(parent.substr(0, parent.size() - 1))] = 7;
    CHECK(failure(changed) == "run.json: " + parent.substr(0, parent.size() - 1) + " must be an object, not 7.");
  }
  Json file = spec;
  file["dataset"]["heldOut"] = {{"kind", "file"}};
  CHECK(failure(file) == "run.json: dataset.heldOut.path is missing.");
  file["dataset"]["heldOut"]["path"] = "/x.jsonl";
  CHECK(failure(file) == "");
}

TEST_CASE("a run.json of before there was a choice of quantization and memory reads as it did") {
  const Json old = valid();
  const RunSpec spec = parse_run_spec(old, "run.json");
  CHECK(spec.quantization == Quantization::none);
  CHECK_FALSE(spec.memory_budget.has_value());
  Json present = old;
  present["model"]["quantization"] = "none";
  present["memoryBudget"] = nullptr;
  CHECK(parse_run_spec(present, "run.json").settings == spec.settings);
  present["model"]["quantization"] = "nf4";
  present["memoryBudget"] = 1e9;
  const RunSpec chosen = parse_run_spec(present, "run.json");
  CHECK(chosen.quantization == Quantization::nf4);
  CHECK(chosen.memory_budget == 1'000'000'000);
  CHECK(chosen.settings != spec.settings);
}

TEST_CASE("a wrong value is named with what was expected") {
  const std::tuple<const char*, Json, const char*> cases[] = {
      {"version", 2, "must be 1, not 2."},
      {"version", "1", "must be 1"},
      {"id", "", "not empty"},
      {"id", "../elsewhere", "letters"},
      {"name", 7, "must be a text, not 7."},
      {"createdAt", "yesterday", "ISO 8601"},
      {"model.path", "models/tiny", "an absolute path"},
      {"model.path", std::string("/a\0b", 4), "an absolute path"},
      {"dataset.format", "", "not empty"},
      {"dataset.heldOut.kind", "some", "one of"},
      {"dataset.heldOut.fraction", 1.5, "from 0.001 to 0.9, not 1.5."},
      {"dataset.heldOut.by", "file", "one of"},
      {"dataset.maxTrainRows", 0, "a whole number"},
      {"dataset.maxEvalRows", "all", "a whole number"},
      {"sequenceLength", 15, "from 16 to 131,072, not 15."},
      {"sequenceLength", 512.5, "a whole number"},
      {"sequenceLength", 1e300, "a whole number"},
      {"lora.rank", 1025, "from 1 to 1,024, not 1025."},
      {"lora.alpha", -1, "a number"},
      {"lora.alpha", true, "a number"},
      {"lora.targets", Json::array(), "at least one"},
      {"lora.targets", {"q_proj", "q_proj"}, "twice"},
      {"lora.targets", "q_proj", "a list"},
      {"optimizer.learningRate", 0, "a number"},
      {"optimizer.beta1", 1, "a number"},
      {"optimizer.beta2", -0.1, "a number"},
      {"optimizer.epsilon", 0, "a number"},
      {"optimizer.weightDecay", -1, "a number"},
      {"optimizer.clipNorm", -1, "a number"},
      {"optimizer.schedule", "cubic", "one of \"constant\", \"linear\", \"cosine\", not \"cubic\"."},
      {"optimizer.warmupSteps", -1, "a whole number"},
      {"training.steps", 0, "a whole number"},
      {"training.steps", nullptr, "training.epochs must be set"},
      {"training.epochs", 1, "the other null"},
      {"training.sequencesPerStep", 0, "a whole number"},
      {"training.microBatch", 0, "a whole number"},
      {"training.evalEvery", -1, "a whole number"},
      {"training.checkpointEvery", 1.5, "a whole number"},
      {"training.keepCheckpoints", 0, "a whole number"},
      {"training.seed", 4294967296, "a whole number"},
      {"training.recompute", "all", "one of"},
      {"device", "tpu", "one of"},
      {"model.quantization", "int8", "one of \"none\", \"nf4\", not \"int8\"."},
      {"model.quantization", nullptr, "one of"},
      {"memoryBudget", 1000, "a whole number"},
      {"memoryBudget", "8 GB", "a whole number"},
      {"threads", -1, "from 0 to 1,024, not -1."},
      {"lora.dropout", 0.95, "a number from 0 to 0.9"},
      {"lora.rankStabilised", 1, "true or false"},
      {"dataset.weight", 0, "a number"},
      {"dataset.mixture", "more.jsonl", "a list"},
      {"dataset.packing", 1, "true or false"},
      {"dataset.completion", 0.5, "an object"},
      {"dataset.completion.share", 1, "a number from 0.01 to 0.95"},
      {"dataset.completion.answers", "yes", "true or false"},
      {"dataset.completion.folder", "code", "an absolute path"},
      {"model.adapter", "adapter", "an absolute path"},
      {"training.earlyStopping", 3, "an object"},
      {"parent", "before", "an object"},
  };
  for (const auto& [name, value, says] : cases) {
    CAPTURE(name);
    CAPTURE(value.dump());
    Json spec = valid();
    spec[pointer(name)] = value;
    const std::string message = failure(spec);
    CAPTURE(message);
    CHECK(message.find(says) != std::string::npos);
    CHECK(message.find(std::string(name) == "training.epochs" ? "training.steps" : name) != std::string::npos);
  }
  Json spec = valid();
  spec["lora"]["targets"] = {"q_proj", "lm_head"};
  CHECK(failure(spec).find("lora.targets.1 must be one of \"q_proj\"") != std::string::npos);
  for (const Json& other : {Json(), Json(7), Json::array(), Json("x")}) CHECK(failure(other) != "");
}

TEST_CASE("the order takes every sequence once an epoch and is another each epoch and seed") {
  SequenceOrder order(50, 1), same(50, 1), other(50, 2);
  std::vector<int64_t> first, second, elsewhere;
  for (int64_t i = 0; i < 50; ++i) first.push_back(order.at(i));
  for (int64_t i = 50; i < 100; ++i) second.push_back(order.at(i));
  for (int64_t i = 0; i < 50; ++i) elsewhere.push_back(other.at(i));
  CHECK(std::set(first.begin(), first.end()).size() == 50);
  CHECK(std::set(second.begin(), second.end()).size() == 50);
  CHECK(*std::max_element(first.begin(), first.end()) == 49);
  CHECK(first != second);
  CHECK(first != elsewhere);
  // A position means the same wherever one starts.
  CHECK(same.at(70) == second[20]);
  CHECK(same.at(7) == first[7]);
  // Fixed for good: a checkpoint's position must mean the same in every version.
  SequenceOrder pinned(8, 42);
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 8; ++i) values.push_back(pinned.at(i));
  CHECK(values == std::vector<int64_t>{2, 1, 0, 6, 7, 3, 4, 5});
  CHECK(SequenceOrder(1, 3).at(5) == 0);
}

TEST_CASE("how long a run is") {
  const int64_t steps = 7;
  CHECK(run_length(100, 4, &steps, nullptr).steps == 7);
  CHECK(run_length(100, 4, &steps, nullptr).sequences == 28);
  const auto epochs = [](double value, int64_t sequences = 10) { return run_length(sequences, 4, nullptr, &value); };
  CHECK(epochs(1).steps == 3);
  CHECK(epochs(1).sequences == 10);
  CHECK(epochs(2).steps == 5);
  CHECK(epochs(0.5).sequences == 5);
  CHECK(epochs(0.001).steps == 1);
  CHECK(epochs(0.001).sequences == 1);
  CHECK(epochs(3, 1).steps == 1);
}
