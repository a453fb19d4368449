#include "run/trainer_state.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "io/mapped_file.h"

namespace tunesmith {

namespace {

/** The file is written whole at each evaluation. */
constexpr int64_t kMostLogged = 1000;

int64_t integer_of(const Json& event, const char* name) {
  const auto value = event.find(name);
  if (value == event.end() || !value->is_number_unsigned()) return -1;
  return static_cast<int64_t>(std::min<uint64_t>(value->get<uint64_t>(), uint64_t{1} << 53));
}

std::optional<double> number_of(const Json& event, const char* name) {
  const auto value = event.find(name);
  if (value == event.end() || !value->is_number()) return std::nullopt;
  const double number = value->get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

/** The events of all attempts that have not become void. */
struct Valid {
  std::vector<StepEvent> steps;
  std::vector<EvalEvent> evaluations;

  void void_after(int64_t step) {
    std::erase_if(steps, [&](const StepEvent& event) { return event.step > step; });
    // A start from the beginning evaluates step 0 again.
    std::erase_if(evaluations, [&](const EvalEvent& event) { return step == 0 || event.step > step; });
  }

  void add_line(std::string_view line) {
    const Json event = Json::parse(line, nullptr, false);
    if (!event.is_object()) return;
    const auto type = event.find("type");
    if (type == event.end() || !type->is_string()) return;
    if (*type == "start") {
      const int64_t resumed_from = integer_of(event, "resumedFrom");
      if (resumed_from >= 0) void_after(resumed_from);
      return;
    }
    const int64_t step = integer_of(event, "step");
    if (step < 0) return;
    const auto loss = number_of(event, "loss");
    if (*type == "step") {
      const auto rate = number_of(event, "learningRate"), norm = number_of(event, "gradientNorm");
      const int64_t tokens = integer_of(event, "tokens");
      if (loss && rate && norm && tokens >= 0) steps.push_back({step, *loss, *rate, *norm, tokens, 0, 0});
    } else if (*type == "eval") {
      if (loss) evaluations.push_back({step, *loss, 0});
    }
  }
};

}  // namespace

TrainerState::TrainerState(const TrainerShape& shape)
    : shape_(shape), logging_steps_(std::max<int64_t>(1, (shape.total_steps + kMostLogged - 1) / kMostLogged)) {}

void TrainerState::replay(const std::string& events_path, int64_t resumed_from) {
  const MappedFile file = MappedFile::open(events_path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  Valid valid;
  size_t start = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', start)) {
    valid.add_line(text.substr(start, end - start));
    start = end + 1;
  }
  valid.void_after(resumed_from);
  for (const StepEvent& event : valid.steps) add(event);
  for (const EvalEvent& event : valid.evaluations) add(event);
  step_ = resumed_from;
}

void TrainerState::add(const StepEvent& event) {
  if (event.step <= step_) return;
  step_ = event.step;
  tokens_ += event.tokens;
  loss_sum_ += event.loss;
  ++loss_count_;
  if (event.step % logging_steps_ != 0) return;
  logged_.push_back({event.step, loss_sum_ / static_cast<double>(loss_count_), event.gradient_norm, event.learning_rate});
  loss_sum_ = 0;
  loss_count_ = 0;
}

void TrainerState::add(const EvalEvent& event) {
  if (evaluated_.empty() || evaluated_.back().step < event.step) evaluated_.push_back({event.step, event.loss});
}

double TrainerState::epoch_at(int64_t step) const {
  // Compared in this order, a step of a foreign file cannot overflow.
  const bool last = step >= shape_.sequences / shape_.sequences_per_step + 1;
  const int64_t position = last ? shape_.sequences : std::min(step * shape_.sequences_per_step, shape_.sequences);
  return static_cast<double>(position) / static_cast<double>(shape_.epoch_sequences);
}

const TrainerState::Evaluated* TrainerState::best() const {
  // Step 0 is the base model, which is no result of the run.
  const Evaluated* best = nullptr;
  for (const Evaluated& entry : evaluated_) {
    if (entry.step > 0 && (best == nullptr || entry.loss < best->loss)) best = &entry;
  }
  return best;
}

Json TrainerState::to_json(const std::string& run_folder) const {
  Json log = Json::array();
  for (const Logged& entry : logged_) {
    log.push_back({{"epoch", epoch_at(entry.step)},
                   {"grad_norm", entry.gradient_norm},
                   {"learning_rate", entry.learning_rate},
                   {"loss", entry.loss},
                   {"step", entry.step}});
  }
  for (const Evaluated& entry : evaluated_) {
    log.push_back({{"epoch", epoch_at(entry.step)}, {"eval_loss", entry.loss}, {"step", entry.step}});
  }
  std::stable_sort(log.begin(), log.end(), [](const Json& a, const Json& b) { return a["step"] < b["step"]; });
  const Evaluated* best_entry = best();
  Json best_checkpoint = nullptr;
  if (best_entry != nullptr) {
    const std::string path = "checkpoints/step-" + std::to_string(best_entry->step);
    std::error_code error;
    if (std::filesystem::is_directory(run_folder + "/" + path, error)) best_checkpoint = path;
  }
  const double epochs = static_cast<double>(shape_.sequences) / static_cast<double>(shape_.epoch_sequences);
  return {{"best_global_step", best_entry ? Json(best_entry->step) : Json(nullptr)},
          {"best_metric", best_entry ? Json(best_entry->loss) : Json(nullptr)},
          {"best_model_checkpoint", best_checkpoint},
          {"epoch", epoch_at(step_)},
          {"eval_steps", shape_.eval_every},
          {"global_step", step_},
          {"is_hyper_param_search", false},
          {"is_local_process_zero", true},
          {"is_world_process_zero", true},
          {"log_history", log},
          {"logging_steps", logging_steps_},
          {"max_steps", shape_.total_steps},
          {"num_input_tokens_seen", tokens_},
          {"num_train_epochs", static_cast<int64_t>(std::ceil(epochs))},
          {"save_steps", shape_.checkpoint_every},
          {"stateful_callbacks", Json::object()},
          {"total_flos", 0.0},
          {"train_batch_size", shape_.micro_batch},
          {"trial_name", nullptr},
          {"trial_params", nullptr}};
}

}  // namespace tunesmith
