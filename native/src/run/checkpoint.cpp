#include "run/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "error.h"
#include "io/atomic_file.h"
#include "io/mapped_file.h"
#include "io/sha256.h"
#include "run/run_spec.h"

namespace tunesmith {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPrefix = "step-";
constexpr const char* kFiles[] = {"adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors"};
/** Not in every checkpoint. */
constexpr const char* kLossesFile = "pass.losses";
constexpr int64_t kMost = int64_t{1} << 53;

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> read_optional(const Fields& fields, const char* name) {
  if (fields.null(name)) return std::nullopt;
  return fields.number(name, 0, 1e300);
}

Json to_json(const RunState& state) {
  const HeldOutProgress& held_out = state.held_out;
  Json json = {{"version", 1},
               {"engine", TUNESMITH_VERSION},
               {"step", state.step},
               {"position", state.position},
               {"epoch", state.epoch},
               {"orderSeed", state.order_seed},
               {"tokens", state.tokens},
               {"seconds", state.seconds},
               {"evalLossBefore", optional_number(state.eval_loss_before)},
               {"evalLoss", optional_number(state.eval_loss)},
               {"evalStep", state.eval_step},
               {"bestStep", held_out.best_step},
               {"bestLoss", held_out.best_step < 0 ? Json(nullptr) : Json(held_out.best_loss)},
               {"evaluationsWithoutGain", held_out.without_gain},
               {"learningRate", optional_number(state.learning_rate)},
               {"sampledBases", Json::object()},
               {"threads", state.threads},
               {"microBatch", state.micro_batch},
               {"recompute", name_of(state.recompute)},
               {"device", state.device},
               {"settings", state.settings},
               {"model", state.model},
               {"data", state.data}};
  for (const auto& [prompt, digest] : state.sampled_bases) json["sampledBases"][prompt] = digest;
  if (!state.adapter.empty()) json["adapter"] = state.adapter;
  return json;
}

/** What came after the first checkpoints: an older one lacks it. */
void read_later_fields(const Json& json, const Fields& fields, RunState& state) {
  if (json.contains("bestStep")) {
    HeldOutProgress& held_out = state.held_out;
    held_out.best_step = fields.integer("bestStep", -1, state.step);
    const auto best_loss = read_optional(fields, "bestLoss");
    if (best_loss.has_value() != (held_out.best_step >= 0)) fields.fail("bestLoss", "the loss of bestStep");
    held_out.best_loss = best_loss.value_or(0);
    held_out.without_gain = fields.integer("evaluationsWithoutGain", 0, kMost);
  }
  if (!fields.absent("learningRate")) {
    state.learning_rate = fields.number("learningRate", kLeastLearningRate, kMostLearningRate);
  }
  if (json.contains("sampledBases")) {
    const Fields bases = fields.object("sampledBases");
    for (const auto& [prompt, digest] : json["sampledBases"].items()) {
      state.sampled_bases[prompt] = bases.string(prompt.c_str());
    }
  }
  if (json.contains("adapter")) state.adapter = fields.string("adapter");
}

RunState from_json(const Json& json, const std::string& file) {
  const Fields fields(json, file, "", "checkpoint-invalid");
  RunState state;
  fields.integer("version", 1, 1);
  state.step = fields.integer("step", 0, kMost);
  state.position = fields.integer("position", 0, kMost);
  state.epoch = fields.integer("epoch", 0, kMost);
  state.order_seed = static_cast<uint64_t>(fields.integer("orderSeed", 0, kMost));
  state.tokens = fields.integer("tokens", 0, kMost);
  state.seconds = fields.number("seconds", 0, 1e15);
  state.eval_loss_before = read_optional(fields, "evalLossBefore");
  state.eval_loss = read_optional(fields, "evalLoss");
  state.eval_step = fields.integer("evalStep", -1, kMost);
  state.threads = static_cast<int>(fields.integer("threads", 1, 4096));
  state.micro_batch = fields.integer("microBatch", 1, 4096);
  state.recompute = static_cast<Recompute>(fields.choice("recompute", recompute_names()));
  // Checkpoints of before there was a choice lack it.
  if (json.contains("device")) state.device = fields.string("device");
  for (const char* part : {"settings", "data", "files"}) fields.object(part);
  state.settings = json["settings"];
  state.model = fields.string("model");
  state.data = json["data"];
  read_later_fields(json, fields, state);
  return state;
}

/** Throws Error where a file of the checkpoint is missing or not the one that was written. */
RunState read_checked(const std::string& folder) {
  const std::string path = folder + "/state.json";
  const Json json = read_json_file(path, size_t{4} << 20);
  RunState state = from_json(json, path);
  std::vector<std::string> files(std::begin(kFiles), std::end(kFiles));
  if (json["files"].contains(kLossesFile)) files.push_back(kLossesFile);
  for (const std::string& file : files) {
    const std::string name = folder + "/" + file;
    if (!json["files"].contains(file) || json["files"][file] != sha256_of_file(name)) {
      throw Error("checkpoint-invalid", name + " is not what was written.");
    }
  }
  return state;
}

std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  const char* begin = name.data() + std::char_traits<char>::length(kPrefix);
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(begin, end, step);
  if (error != std::errc() || rest != end || step < 0) return std::nullopt;
  return step;
}

/** Under a name that no reader takes for a checkpoint first, so that a kill in between leaves no half one. */
void remove_checkpoint(const std::string& folder, const std::string& name) {
  std::error_code error;
  const std::string hidden = folder + "/." + name + ".tmp";
  fs::rename(folder + "/" + name, hidden, error);
  if (!error) fs::remove_all(hidden, error);
}

/** Appends what differs, each by its dotted name with both values. */
void add_differences(const Json& before, const Json& now, const std::string& name, std::vector<std::string>& found) {
  if (before.is_object() && now.is_object()) {
    Json keys = before;
    keys.update(now);
    for (const auto& [key, value] : keys.items()) {
      add_differences(before.value(key, Json()), now.value(key, Json()), name.empty() ? key : name + "." + key, found);
    }
  } else if (before != now) {
    found.push_back(name + " was " + shown(before) + " and is " + shown(now));
  }
}

/** What has happened to each file of the data. */
void add_changed_data(const Json& before, const Json& now, std::vector<std::string>& found) {
  Json files = before;
  files.update(now);
  for (const auto& [file, digest] : files.items()) {
    const bool was = before.contains(file), is = now.contains(file);
    if (was && is && before[file] == now[file]) continue;
    found.push_back("data/" + file + (was && is ? " has changed" : was ? " is gone" : " is new"));
  }
}

}  // namespace

CheckpointStore::CheckpointStore(const std::string& run_folder) : folder_(run_folder + "/checkpoints") {
  make_folder(folder_);
  std::error_code error;
  std::vector<fs::path> stale;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".step-")) stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) fs::remove_all(path, error);
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && entry.is_directory(error)) steps.push_back(*step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

std::optional<Checkpoint> CheckpointStore::newest(std::vector<std::string>& warnings) const {
  for (const int64_t step : steps()) {
    const std::string path = folder_ + "/" + kPrefix + std::to_string(step);
    try {
      RunState state = read_checked(path);
      if (state.step != step) throw Error("checkpoint-invalid", path + " holds another step.");
      return Checkpoint{path, std::move(state)};
    } catch (const Error& error) {
      warnings.push_back(path + " is not a complete checkpoint and is skipped: " + error.what());
    }
  }
  return std::nullopt;
}

std::string CheckpointStore::write(Trainer& trainer, const RunState& state, const AdapterConfig& adapter,
                                   int64_t keep, std::span<const DocumentLoss> losses) {
  const std::string name = kPrefix + std::to_string(state.step);
  StagedFolder staged(folder_ + "/." + name + ".tmp", folder_ + "/" + name);
  write_adapter(staged.temporary(), trainer.adapter(), adapter);
  write_safetensors(staged.temporary() + "/optimizer.safetensors", trainer.optimizer_state(),
                    {{"steps", std::to_string(trainer.optimizer_steps())}});
  Json json = to_json(state);
  for (const char* file : kFiles) json["files"][file] = sha256_of_file(staged.temporary() + "/" + file);
  if (!losses.empty()) {
    write_document_losses(staged.temporary() + "/" + kLossesFile, losses);
    json["files"][kLossesFile] = sha256_of_file(staged.temporary() + "/" + kLossesFile);
  }
  write_file_atomically(staged.temporary() + "/state.json", json.dump(2) + "\n");
  staged.commit();

  int64_t kept = 0;
  for (const int64_t step : steps()) {
    // Later ones are of an attempt that went on from before; they are broken, or they would have been resumed from.
    const bool best = step == state.held_out.best_step;
    if (step <= state.step && ++kept > keep && !best) remove_checkpoint(folder_, kPrefix + std::to_string(step));
  }
  return "checkpoints/" + name;
}

void CheckpointStore::load_adapter(Trainer& trainer, int64_t step) const {
  const std::string path = folder_ + "/" + kPrefix + std::to_string(step);
  if (read_checked(path).step != step) throw Error("checkpoint-invalid", path + " holds another step.");
  trainer.load_adapter(TensorSource::open_file(adapter_weights_path(path)));
}

void restore(Trainer& trainer, const Checkpoint& checkpoint) {
  trainer.load_adapter(TensorSource::open_file(adapter_weights_path(checkpoint.path)));
  trainer.load_optimizer_state(TensorSource::open_file(checkpoint.path + "/optimizer.safetensors"));
  trainer.set_optimizer_steps(checkpoint.state.step);
}

std::vector<DocumentLoss> kept_losses(const Checkpoint& checkpoint, int64_t documents) {
  const std::string path = checkpoint.path + "/" + kLossesFile;
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  return read_document_losses(path, documents);
}

void refuse_changed(const Checkpoint& checkpoint, const RunState& now) {
  const RunState& then = checkpoint.state;
  std::vector<std::string> found;
  const char* code = nullptr;
  const auto name_code = [&](const char* of_this) {
    if (code == nullptr && !found.empty()) code = of_this;
  };
  add_differences(then.settings, now.settings, "", found);
  name_code("resume-settings-changed");
  if (then.model != now.model) found.push_back("the model's files have changed");
  // The start is in the checkpoint: where it cannot be read any more, nothing is lost.
  if (!then.adapter.empty() && !now.adapter.empty() && then.adapter != now.adapter) {
    found.push_back("the adapter that training started from has changed");
  }
  name_code("resume-model-changed");
  add_changed_data(then.data, now.data, found);
  name_code("resume-data-changed");
  if (code == nullptr) return;
  std::string list;
  for (const std::string& change : found) list += (list.empty() ? "" : ", ") + change;
  throw Error(code, checkpoint.path + " cannot be resumed from: " + list + "; undo that, or start a new run.");
}

void write_final_adapter(const std::string& run_folder, Trainer& trainer, const AdapterConfig& adapter) {
  StagedFolder staged(run_folder + "/.adapter.tmp", run_folder + "/adapter");
  write_adapter(staged.temporary(), trainer.adapter(), adapter);
  staged.commit();
}

std::string model_digest(const std::string& folder) {
  constexpr size_t kPiece = size_t{16} << 10, kPieces = 64;
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  Sha256 hash;
  hash.add(read_file(folder + "/config.json", size_t{4} << 20));
  for (const std::string& name : files) {
    const MappedFile file = MappedFile::open(folder + "/" + name);
    const auto bytes = file.bytes();
    hash.add(name + "\n" + std::to_string(bytes.size()) + "\n");
    const size_t stride = std::max(kPiece, bytes.size() / kPieces);
    for (size_t at = 0; at < bytes.size(); at += stride) hash.add(bytes.subspan(at, std::min(kPiece, bytes.size() - at)));
  }
  return hash.finish();
}

}  // namespace tunesmith
