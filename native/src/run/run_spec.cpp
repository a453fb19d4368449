#include "run/run_spec.h"

#include "error.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "run-invalid";

std::string text(const Fields& fields, const char* name) {
  const std::string value = fields.string(name);
  if (value.empty()) fields.fail(name, "a text that is not empty");
  return value;
}

std::string absolute_path(const Fields& fields, const char* name) {
  const std::string value = text(fields, name);
  if (value.front() != '/' || value.find('\0') != std::string::npos) fields.fail(name, "an absolute path");
  return value;
}

bool is_name_character(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || (!first && (c == '.' || c == '_' || c == '-'));
}

/** 2026-01-31T12:00:00 with an optional fraction and a zone. */
bool is_iso_time(const std::string& value) {
  constexpr std::string_view pattern = "dddd-dd-ddTdd:dd";
  if (value.size() < pattern.size() || value.size() > 40) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == 'd' ? value[i] < '0' || value[i] > '9' : value[i] != pattern[i]) return false;
  }
  return value.find_first_not_of("0123456789:.,+-Z", pattern.size()) == std::string::npos;
}

void check_held_out(const Fields& held_out) {
  switch (held_out.choice("kind", {"none", "fraction", "file"})) {
    case 1:
      held_out.number("fraction", 0.001, 0.9);
      held_out.choice("by", {"auto", "row", "source"});
      break;
    case 2:
      absolute_path(held_out, "path");
      break;
    default:
      break;
  }
  held_out.refuse_unknown();
}

void check_completion(const Fields& completion) {
  completion.number("share", 0.01, 0.95);
  completion.boolean("answers");
  if (!completion.null("folder")) absolute_path(completion, "folder");
  completion.refuse_unknown();
}

void check_dataset(const Fields& dataset) {
  absolute_path(dataset, "path");
  text(dataset, "format");
  // Preparation alone goes by these: what they name is its business.
  if (!dataset.absent("fields")) dataset.object("fields");
  if (!dataset.absent("weight")) dataset.number("weight", 0.01, 100);
  if (!dataset.absent("mixture")) dataset.array("mixture");
  if (!dataset.absent("completion")) check_completion(dataset.object("completion"));
  if (!dataset.absent("packing")) dataset.boolean("packing");
  text(dataset, "template");
  check_held_out(dataset.object("heldOut"));
  for (const char* limit : {"maxTrainRows", "maxEvalRows"}) {
    if (!dataset.null(limit)) dataset.integer(limit, 1, 1'000'000'000);
  }
  dataset.refuse_unknown();
}

void read_lora(const Json& json, const Fields& fields, const std::string& file, RunSpec& spec) {
  spec.lora.rank = fields.integer("rank", 1, 1024);
  spec.lora.alpha = fields.number("alpha", 0.001, 65536);
  spec.lora.targets.fill(false);
  const Json& targets = fields.array("targets");
  if (targets.empty()) throw Error(kCode, file + ": lora.targets must name at least one projection, not [].");
  std::vector<const char*> names;
  for (int i = 0; i < kLoraTargets; ++i) names.push_back(name_of(static_cast<LoraTarget>(i)));
  for (size_t i = 0; i < targets.size(); ++i) {
    const std::string index = std::to_string(i);
    const Json item = {{index, targets[i]}};
    const size_t target = Fields(item, file, "lora.targets.", kCode).choice(index.c_str(), names);
    if (spec.lora.targets[target]) {
      throw Error(kCode, file + ": lora.targets must not name a projection twice, not " + shown(json["targets"]) + ".");
    }
    spec.lora.targets[target] = true;
  }
  // These two came later: an older run.json lacks them.
  if (!fields.absent("dropout")) spec.lora.dropout = fields.number("dropout", 0, 0.9);
  if (!fields.absent("rankStabilised")) spec.lora.rank_stabilised = fields.boolean("rankStabilised");
  fields.refuse_unknown();
}

void read_optimizer(const Fields& fields, RunSpec& spec) {
  spec.learning_rate = fields.number("learningRate", kLeastLearningRate, kMostLearningRate);
  spec.optimizer.beta1 = fields.number("beta1", 0, 0.9999);
  spec.optimizer.beta2 = fields.number("beta2", 0, 0.999999);
  spec.optimizer.epsilon = fields.number("epsilon", 1e-16, 0.1);
  spec.optimizer.weight_decay = fields.number("weightDecay", 0, 1);
  spec.optimizer.clip_norm = fields.number("clipNorm", 0, 1e6);
  spec.schedule = static_cast<ScheduleKind>(fields.choice("schedule", {"constant", "linear", "cosine"}));
  spec.warmup_steps = fields.integer("warmupSteps", 0, 1'000'000);
  fields.refuse_unknown();
}

void read_training(const Fields& fields, const std::string& file, RunSpec& spec) {
  if (!fields.null("steps")) spec.steps = fields.integer("steps", 1, 10'000'000);
  if (!fields.null("epochs")) spec.epochs = fields.number("epochs", 0.001, 1000);
  if (spec.steps.has_value() == spec.epochs.has_value()) {
    throw Error(kCode, file + ": training.steps or training.epochs must be set, and the other null.");
  }
  spec.sequences_per_step = fields.integer("sequencesPerStep", 1, 4096);
  if (!fields.null("microBatch")) spec.micro_batch = fields.integer("microBatch", 1, 4096);
  spec.eval_every = fields.integer("evalEvery", 0, 10'000'000);
  spec.checkpoint_every = fields.integer("checkpointEvery", 0, 10'000'000);
  spec.keep_checkpoints = fields.integer("keepCheckpoints", 1, 1000);
  if (!fields.absent("earlyStopping")) {
    const Fields early = fields.object("earlyStopping");
    spec.early_stopping = {early.integer("patience", 1, 1000), early.number("minDelta", 0, 10)};
    early.refuse_unknown();
  }
  spec.seed = static_cast<uint64_t>(fields.integer("seed", 0, 4294967295));
  std::vector<const char*> policies = recompute_names();
  policies.insert(policies.begin(), "auto");
  const size_t recompute = fields.choice("recompute", policies);
  if (recompute > 0) spec.recompute = static_cast<Recompute>(recompute - 1);
  fields.refuse_unknown();
}

/** Names as in run.json, so that a refusal to resume can say which field changed. Cadences and limits that leave the
    result of a step as it is (evalEvery, checkpointEvery, keepCheckpoints, earlyStopping, threads, recompute, memoryBudget) are not in it. */
Json settings_of(const Json& json, const RunSpec& spec) {
  Json training = json["training"];
  for (const char* free : {"evalEvery", "checkpointEvery", "keepCheckpoints", "earlyStopping", "recompute"}) training.erase(free);
  Json settings = {{"sequenceLength", json["sequenceLength"]},
                   {"lora", json["lora"]},
                   {"optimizer", json["optimizer"]},
                   {"training", training}};
  // Left out where it is "none", as in the checkpoints of before there was a choice.
  if (spec.quantization != Quantization::none) settings["model"]["quantization"] = name_of(spec.quantization);
  if (!spec.adapter_path.empty()) settings["model"]["adapter"] = spec.adapter_path;
  return settings;
}

}  // namespace

const std::vector<const char*>& recompute_names() {
  static const std::vector<const char*> names = {"none", "gate-up", "block"};
  return names;
}

const std::vector<const char*>& device_names() {
  static const std::vector<const char*> names = {"auto", "cpu", "cuda"};
  return names;
}

const std::vector<const char*>& quantization_names() {
  static const std::vector<const char*> names = {"none", "nf4"};
  return names;
}

const char* name_of(Recompute recompute) { return recompute_names()[static_cast<size_t>(recompute)]; }

const char* name_of(Quantization quantization) { return quantization_names()[static_cast<size_t>(quantization)]; }

void RunOverrides::apply(RunSpec& spec) const {
  if (threads) spec.threads = *threads;
  if (device) spec.device = *device;
  if (recompute) spec.recompute = recompute;
  if (micro_batch) spec.micro_batch = micro_batch;
  if (memory_budget) spec.memory_budget = memory_budget;
}

RunSpec parse_run_spec(const Json& json, const std::string& file) {
  const Fields fields(json, file, "", kCode);
  RunSpec spec;
  if (fields.null("version") || json["version"] != 1) fields.fail("version", "1");
  spec.id = text(fields, "id");
  for (size_t i = 0; i < spec.id.size(); ++i) {
    if (!is_name_character(spec.id[i], i == 0)) fields.fail("id", "letters, digits, dots, hyphens and underscores");
  }
  spec.name = text(fields, "name");
  if (!is_iso_time(text(fields, "createdAt"))) fields.fail("createdAt", "a time in ISO 8601");
  const Fields model = fields.object("model");
  spec.model_path = absolute_path(model, "path");
  // These two came later: an older run.json lacks them.
  if (json["model"].contains("quantization")) {
    spec.quantization = static_cast<Quantization>(model.choice("quantization", quantization_names()));
  }
  if (!model.absent("adapter")) spec.adapter_path = absolute_path(model, "adapter");
  model.refuse_unknown();
  if (!fields.absent("parent")) {
    const Fields parent = fields.object("parent");
    text(parent, "run");
    parent.integer("step", 0, 10'000'000);
    parent.refuse_unknown();
  }
  check_dataset(fields.object("dataset"));
  spec.sequence_length = fields.integer("sequenceLength", 16, 131072);
  const Fields lora = fields.object("lora");
  read_lora(json["lora"], lora, file, spec);
  read_optimizer(fields.object("optimizer"), spec);
  read_training(fields.object("training"), file, spec);
  spec.device = static_cast<RunSpec::Device>(fields.choice("device", device_names()));
  spec.threads = static_cast<int>(fields.integer("threads", 0, 1024));
  if (!fields.absent("memoryBudget")) {
    spec.memory_budget = fields.integer("memoryBudget", kLeastMemoryBudget, kMostMemoryBudget);
  }
  fields.refuse_unknown();
  spec.settings = settings_of(json, spec);
  return spec;
}

RunSpec read_run_spec(const std::string& path) { return parse_run_spec(read_json_file(path, size_t{1} << 20), path); }

std::vector<std::string> run_spec_fields() {
  return {"version",
          "id",
          "name",
          "createdAt",
          "model.path",
          "model.quantization",
          "model.adapter",
          "parent.run",
          "parent.step",
          "dataset.path",
          "dataset.format",
          "dataset.weight",
          "dataset.mixture",
          "dataset.packing",
          "dataset.completion.share",
          "dataset.completion.answers",
          "dataset.completion.folder",
          "dataset.template",
          "dataset.heldOut.kind",
          "dataset.heldOut.fraction",
          "dataset.heldOut.by",
          "dataset.heldOut.path",
          "dataset.maxTrainRows",
          "dataset.maxEvalRows",
          "sequenceLength",
          "lora.rank",
          "lora.alpha",
          "lora.targets",
          "lora.dropout",
          "lora.rankStabilised",
          "optimizer.learningRate",
          "optimizer.beta1",
          "optimizer.beta2",
          "optimizer.epsilon",
          "optimizer.weightDecay",
          "optimizer.clipNorm",
          "optimizer.schedule",
          "optimizer.warmupSteps",
          "training.steps",
          "training.epochs",
          "training.sequencesPerStep",
          "training.microBatch",
          "training.evalEvery",
          "training.checkpointEvery",
          "training.keepCheckpoints",
          "training.earlyStopping.patience",
          "training.earlyStopping.minDelta",
          "training.seed",
          "training.recompute",
          "device",
          "threads",
          "memoryBudget"};
}

}  // namespace tunesmith
