#include "run/speed.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "error.h"
#include "io/json.h"
#include "io/mapped_file.h"
#include "model/adapter.h"

namespace tunesmith {

namespace fs = std::filesystem;

namespace {

/** Of the peak at the highest clock, what training reaches: less for products that are not large, for passes over memory, and
    for the clock under load. */
constexpr double kGpuShare = 0.35;
/** Where the peak is not known. */
constexpr double kUnknownGpuFlops = 60e12;
/** Of one thread's products in float32, with AVX2 at an ordinary clock and the same share taken. */
constexpr double kThreadFlops = 60e9;
/** Seconds and bytes a second: files that are synced and their checksums; the start of a process that checks its data. */
constexpr double kCheckpointStart = 0.05, kCheckpointRate = 200e6;
/** Bytes a second of matrices that meet one row, and the start of a layer's kernels. */
constexpr double kThreadBandwidth = 6e9, kGpuBandwidth = 1e12, kLayerStart = 60e-6;
/** More threads do not read faster. */
constexpr int kBandwidthThreads = 8;
constexpr double kStart = 0.3, kReadRate = 800e6;
/** A run may have been watched for days; its last events are at the end. */
constexpr size_t kMaxRuns = 200;
/** A file of events beyond this is not looked through while a person waits. */
constexpr size_t kMaxEvents = size_t{256} << 20;
constexpr size_t kLongestEvent = size_t{1} << 16;
constexpr int kMostTries = 64;

/** The last line of that type, unless what looks like it is something else time and again. */
std::optional<Json> last_event(std::string_view text, const std::string& type) {
  const std::string mark = "\"type\":\"" + type + "\"";
  size_t at = text.rfind(mark);
  for (int tries = 0; tries < kMostTries && at != std::string_view::npos && at > 0; ++tries, at = text.rfind(mark, at - 1)) {
    const size_t before = text.rfind('\n', at);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view line = text.substr(begin, text.find('\n', at) - begin);
    if (line.size() > kLongestEvent) continue;
    const Json event = Json::parse(line, nullptr, false);
    if (event.is_object() && event.value("type", Json()) == type) return event;
  }
  return std::nullopt;
}

double number_of(const Json& event, const char* name) {
  const auto field = event.find(name);
  return field != event.end() && field->is_number() ? field->get<double>() : 0;
}

std::string text_of(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field != object.end() && field->is_string() ? field->get<std::string>() : "";
}

/** What a finished run tells of the speed of another. */
struct PastRun {
  double tokens_per_second = 0;
  int64_t sequence_length = 0;
  std::string recompute;
  int threads = 1;
};

/** Of one run, where it has finished and was made with this device, model and precision. */
std::optional<PastRun> measured_in(const fs::path& run, const SpeedKey& key) {
  const Json spec = read_json_file((run / "run.json").string(), size_t{1} << 20);
  if (!spec.is_object() || !spec.contains("model") || text_of(spec["model"], "path") != key.model) return std::nullopt;
  const MappedFile events = MappedFile::open((run / "events.jsonl").string());
  if (events.bytes().size() > kMaxEvents) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(events.bytes().data()), events.bytes().size());
  const auto done = last_event(text, "done"), plan = last_event(text, "plan"), start = last_event(text, "start");
  if (!start || !plan || !done || text_of(*start, "deviceName") != key.device.name() ||
      text_of(*done, "reason") != "finished") {
    return std::nullopt;
  }
  const std::string quantization = text_of(*plan, "quantization");
  if ((quantization.empty() ? "none" : quantization) != name_of(key.quantization)) return std::nullopt;
  const double tokens = number_of(*done, "tokens"), seconds = number_of(*done, "seconds");
  PastRun found;
  found.tokens_per_second = tokens / seconds;
  if (!(seconds > 0 && tokens > 0) || !std::isfinite(found.tokens_per_second)) return std::nullopt;
  found.sequence_length = static_cast<int64_t>(std::clamp(number_of(spec, "sequenceLength"), 1.0, 1e9));
  found.recompute = text_of(*plan, "recompute");
  found.threads = static_cast<int>(std::clamp(number_of(*start, "threads"), 1.0, 4096.0));
  return found;
}

/** The newest first. */
std::vector<fs::path> runs_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> runs;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && !entry.path().filename().string().starts_with(".")) runs.push_back(entry.path());
  }
  // Their names begin with the time of their start.
  std::sort(runs.rbegin(), runs.rend());
  if (runs.size() > kMaxRuns) runs.resize(kMaxRuns);
  return runs;
}

Recompute recompute_of(const std::string& name) {
  const auto& names = recompute_names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? Recompute::none : static_cast<Recompute>(found - names.begin());
}

/** The speed of a run as it would be with the plan's sequence length, recompute and threads. */
double carried_over(const PastRun& then, const SpeedKey& key, const PlanRequest& request, const MemoryPlan& plan) {
  StepShape now_shape = shape_of(request), then_shape = now_shape;
  then_shape.sequence_tokens = then.sequence_length;
  const double ratio = training_flops(request.config, then_shape, recompute_of(then.recompute)) /
                       training_flops(request.config, now_shape, plan.recompute);
  const double threads = key.device.gpu ? 1 : static_cast<double>(key.threads) / then.threads;
  return then.tokens_per_second * ratio * threads;
}

std::optional<double> measured_before(const std::string& runs_folder, const SpeedKey& key, const PlanRequest& request,
                                      const MemoryPlan& plan) {
  std::optional<PastRun> nearest;
  for (const fs::path& run : runs_in(runs_folder)) {
    try {
      const auto found = measured_in(run, key);
      if (!found) continue;
      const bool same = found->sequence_length == key.sequence_length && found->recompute == name_of(plan.recompute) &&
                        (key.device.gpu || found->threads == key.threads);
      if (same) return found->tokens_per_second;
      if (!nearest) nearest = found;
    } catch (const std::exception&) {
      // A run that cannot be read, or is just being made, tells nothing.
    }
  }
  if (!nearest) return std::nullopt;
  return carried_over(*nearest, key, request, plan);
}

}  // namespace

StepShape shape_of(const PlanRequest& request) {
  StepShape shape;
  shape.sequence_tokens = request.sequence_tokens;
  shape.target_share = request.sequence_tokens > 0
                           ? static_cast<double>(request.sequence_targets) / static_cast<double>(request.sequence_tokens)
                           : 1;
  shape.trainable_parameters = AdapterLayout(request.config, request.options.lora).count();
  return shape;
}

namespace {

/** Operations a token, by their place in a step. */
struct Flops {
  double block, gate_up, forward, backward;  // block: what recompute "block" does again
};

Flops flops_of(const LlamaConfig& config, const StepShape& shape) {
  const auto d = [](int64_t value) { return static_cast<double>(value); };
  const double hidden = d(config.hidden_size), layers = d(config.layers);
  const double heads = d(config.query_heads * config.head_dim);
  const double qkv_and_o = hidden * (2 * heads + 2 * d(config.kv_heads * config.head_dim));
  const double gate_up = 2 * hidden * d(config.intermediate_size), down = gate_up / 2;
  // Half of the keys on the average; two products.
  const double attention = 2 * d(shape.sequence_tokens) * heads;
  Flops flops;
  flops.block = layers * (2 * (qkv_and_o + gate_up) + attention);
  flops.gate_up = layers * 2 * gate_up;
  flops.forward = flops.block + layers * 2 * down + shape.target_share * 2 * hidden * d(config.vocabulary_size);
  flops.backward = flops.forward + layers * 1.5 * attention;
  return flops;
}

}  // namespace

double training_flops(const LlamaConfig& config, const StepShape& shape, Recompute recompute) {
  const Flops flops = flops_of(config, shape);
  const double again = recompute == Recompute::none ? 0 : recompute == Recompute::gate_up ? flops.gate_up : flops.block;
  return flops.forward + flops.backward + again + 6 * static_cast<double>(shape.trainable_parameters);
}

double forward_flops(const LlamaConfig& config, const StepShape& shape) {
  return flops_of(config, shape).forward + 2 * static_cast<double>(shape.trainable_parameters);
}

int64_t checkpoint_bytes(int64_t trainable_parameters) { return 3 * 4 * trainable_parameters; }

double expected_checkpoint_seconds(int64_t trainable_parameters) {
  return kCheckpointStart + static_cast<double>(checkpoint_bytes(trainable_parameters)) / kCheckpointRate;
}

double expected_answer_seconds(const LlamaConfig& config, int64_t weight_bytes, bool gpu, int threads) {
  const double bytes = static_cast<double>(weight_bytes);
  if (gpu) return bytes / kGpuBandwidth + static_cast<double>(config.layers) * kLayerStart;
  return bytes / (kThreadBandwidth * std::min(threads, kBandwidthThreads));
}

double expected_start_seconds(int64_t weight_bytes) { return kStart + static_cast<double>(weight_bytes) / kReadRate; }

Speed expected_speed(const std::string& runs_folder, const SpeedKey& key, const PlanRequest& request,
                     const MemoryPlan& plan) {
  if (const auto measured = measured_before(runs_folder, key, request, plan)) return {*measured, true};
  double flops = kThreadFlops * key.threads;
  if (const auto& gpu = key.device.gpu) flops = gpu->peak_flops > 0 ? gpu->peak_flops * kGpuShare : kUnknownGpuFlops * kGpuShare;
  // The plan's own starts count, its recompute is in the cost.
  const double tokens = static_cast<double>(request.sequences_per_step * request.sequence_tokens);
  const double cost = expected_cost(request, plan.micro_batch, plan.recompute);
  return {flops / training_flops(request.config, shape_of(request), Recompute::none) * tokens / cost, false};
}

}  // namespace tunesmith
