#include "run/interchange.h"

#include "error.h"
#include "io/atomic_file.h"

namespace tunesmith {

namespace {
constexpr size_t kMostSpecBytes = size_t{1} << 20;
}

Interchange::Interchange(std::string run_folder, const TrainerShape& shape, int64_t attempt, int64_t resumed_from,
                         std::function<void(const std::string&)> warn)
    : folder_(std::move(run_folder)),
      warn_(std::move(warn)),
      step_(resumed_from),
      tensorboard_(folder_ + "/tensorboard", attempt, resumed_from),
      state_(shape) {
  try_to([&] { state_.replay(folder_ + "/events.jsonl", resumed_from); });
  if (resumed_from > 0) return;
  try_to([&] {
    // Four spaces make a block of code of it, whatever is in it.
    std::string markdown = "    " + read_file(folder_ + "/run.json", kMostSpecBytes);
    for (size_t at = markdown.find('\n'); at != std::string::npos; at = markdown.find('\n', at + 1)) {
      markdown.insert(at + 1, "    ");
    }
    tensorboard_.add_text(0, "run.json", markdown);
  });
}

void Interchange::try_to(const std::function<void()>& write) {
  try {
    write();
  } catch (const Error& error) {
    if (warned_) return;
    warned_ = true;
    warn_(std::string("The run goes on, but what other programs read of it will be incomplete: ") + error.what());
  }
}

void Interchange::write_state(const std::string& folder) {
  try_to([&] { write_file_atomically(folder + "/trainer_state.json", state_.to_json(folder_).dump(2) + "\n"); });
}

void Interchange::add(const StepEvent& event) {
  step_ = event.step;
  state_.add(event);
  const double speed = event.seconds > 0 ? static_cast<double>(event.tokens) / event.seconds : 0;
  try_to([&] {
    tensorboard_.add(event.step, {{"train/loss", event.loss},
                                  {"train/learning_rate", event.learning_rate},
                                  {"train/grad_norm", event.gradient_norm},
                                  {"train/tokens_per_second", speed}});
  });
}

void Interchange::add(const EvalEvent& event) {
  state_.add(event);
  try_to([&] { tensorboard_.add(event.step, {{"eval/loss", event.loss}}); });
  write_state(folder_);
}

void Interchange::add(const TelemetryEvent& event) {
  std::vector<TensorBoardLog::Scalar> scalars = {{"gpu/memory_bytes", static_cast<double>(event.memory_used)}};
  if (event.utilisation) scalars.push_back({"gpu/utilisation_percent", *event.utilisation});
  if (event.temperature) scalars.push_back({"gpu/temperature_celsius", *event.temperature});
  if (event.watts) scalars.push_back({"gpu/power_watts", *event.watts});
  try_to([&] { tensorboard_.add(event.step, scalars); });
}

void Interchange::add(const MemoryEvent& event) {
  try_to([&] { tensorboard_.add(step_, {{"train/memory_bytes", static_cast<double>(event.used_bytes)}}); });
}

void Interchange::add(const CheckpointEvent& event) {
  write_state(folder_);
  write_state(folder_ + "/" + event.path);
}

void Interchange::end() { write_state(folder_); }

}  // namespace tunesmith
