#include "run/speed.h"

#include <algorithm>
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
/** A run may have been watched for days; its last events are at the end. */
constexpr size_t kMaxRuns = 200;

/** The last line of that type. */
std::optional<Json> last_event(std::string_view text, const std::string& type) {
  const std::string mark = "\"type\":\"" + type + "\"";
  for (size_t at = text.rfind(mark); at != std::string_view::npos && at > 0; at = text.rfind(mark, at - 1)) {
    const size_t before = text.rfind('\n', at);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const Json event = Json::parse(text.substr(begin, text.find('\n', at) - begin), nullptr, false);
    if (event.is_object() && event.value("type", Json()) == type) return event;
  }
  return std::nullopt;
}

double number_of(const Json& event, const char* name) {
  const auto field = event.find(name);
  return field != event.end() && field->is_number() ? field->get<double>() : 0;
}

/** Tokens a second of one run, where it has finished and was made with this device and model. */
std::optional<double> measured_in(const fs::path& run, const std::string& device, const std::string& model) {
  const Json spec = read_json_file((run / "run.json").string(), size_t{1} << 20);
  if (!spec.is_object() || !spec.contains("model") || spec["model"].value("path", "") != model) return std::nullopt;
  const MappedFile events = MappedFile::open((run / "events.jsonl").string());
  const std::string_view text(reinterpret_cast<const char*>(events.bytes().data()), events.bytes().size());
  const auto start = last_event(text, "start"), done = last_event(text, "done");
  if (!start || !done || start->value("deviceName", Json()) != device || done->value("reason", Json()) != "finished") {
    return std::nullopt;
  }
  const double tokens = number_of(*done, "tokens"), seconds = number_of(*done, "seconds");
  return seconds > 0 && tokens > 0 ? std::optional(tokens / seconds) : std::nullopt;
}

std::optional<double> measured_before(const std::string& runs_folder, const std::string& device, const std::string& model) {
  std::error_code error;
  std::vector<fs::path> runs;
  for (const auto& entry : fs::directory_iterator(runs_folder, error)) {
    if (entry.is_directory(error) && !entry.path().filename().string().starts_with(".")) runs.push_back(entry.path());
  }
  // Their names begin with the time of their start.
  std::sort(runs.rbegin(), runs.rend());
  if (runs.size() > kMaxRuns) runs.resize(kMaxRuns);
  for (const fs::path& run : runs) {
    try {
      if (const auto found = measured_in(run, device, model)) return found;
    } catch (const std::exception&) {
      // A run that cannot be read, or is just being made, tells nothing.
    }
  }
  return std::nullopt;
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

double training_flops(const LlamaConfig& config, const StepShape& shape, Recompute recompute) {
  const auto d = [](int64_t value) { return static_cast<double>(value); };
  const double hidden = d(config.hidden_size), layers = d(config.layers);
  const double heads = d(config.query_heads * config.head_dim);
  const double qkv_and_o = hidden * (2 * heads + 2 * d(config.kv_heads * config.head_dim));
  const double gate_up = 2 * hidden * d(config.intermediate_size), down = gate_up / 2;
  // Half of the keys on the average; two products.
  const double attention = 2 * d(shape.sequence_tokens) * heads;
  const double block = layers * (2 * (qkv_and_o + gate_up) + attention);
  const double forward = block + layers * 2 * down + shape.target_share * 2 * hidden * d(config.vocabulary_size);
  const double backward = forward + layers * 1.5 * attention;
  const double again = recompute == Recompute::none ? 0 : recompute == Recompute::gate_up ? layers * 2 * gate_up : block;
  return forward + backward + again + 6 * d(shape.trainable_parameters);
}

Speed expected_speed(const std::string& runs_folder, const ChosenDevice& device, const std::string& model, int threads,
                     const PlanRequest& request, const MemoryPlan& plan) {
  if (const auto measured = measured_before(runs_folder, device.name(), model)) return {*measured, true};
  double flops = kThreadFlops * threads;
  if (device.gpu) flops = device.gpu->peak_flops > 0 ? device.gpu->peak_flops * kGpuShare : kUnknownGpuFlops * kGpuShare;
  // The plan's own starts count, its recompute is in the cost.
  const double tokens = static_cast<double>(request.sequences_per_step * request.sequence_tokens);
  const double cost = expected_cost(request, plan.micro_batch, plan.recompute);
  return {flops / training_flops(request.config, shape_of(request), Recompute::none) * tokens / cost, false};
}

}  // namespace tunesmith
