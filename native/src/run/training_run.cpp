#include "run/training_run.h"

#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>

#include "error.h"
#include "io/sha256.h"
#include "model/llama.h"
#include "run/forecast.h"
#include "run/run_lock.h"
#include "run/stop_signal.h"
#include "train/schedule.h"

namespace tunesmith {

namespace {

constexpr auto kPausePoll = std::chrono::milliseconds(200);
constexpr auto kReadingEvery = std::chrono::seconds(1);
/** What is left of a plan whose memory could not be had, in percent: one a few bytes smaller would fail as well. */
constexpr int64_t kNextPlanPercent = 90;
constexpr const char* kNotTheSameBits =
    ": its result will be close to that of an uninterrupted run, not the same to the bit.";

/** "q_proj, v_proj". */
std::string target_names(const LoraConfig& lora) {
  std::string names;
  for (int i = 0; i < kLoraTargets; ++i) {
    if (lora.targets[static_cast<size_t>(i)]) names += (names.empty() ? "" : ", ") + std::string(name_of(static_cast<LoraTarget>(i)));
  }
  return names;
}

/** Empty where there is no such adapter, or none that can be read: a run that goes on does not need it any more. */
std::string adapter_digest(const std::string& folder) {
  std::error_code missing;
  const std::string weights = adapter_weights_path(folder);
  if (folder.empty() || !std::filesystem::is_regular_file(weights, missing)) return "";
  return sha256_of_file(weights);
}

/** Throws Error where the run's adapter is of another shape than the one it starts from, or scaled otherwise. */
void check_start(const RunSpec& spec, const LoraConfig& start) {
  const auto refuse = [&](const std::string& what, const std::string& theirs, const std::string& ours) {
    throw Error("adapter-mismatch", "The adapter in " + spec.adapter_path + " has " + what + " " + theirs +
                                        " where run.json says " + ours + "; choose the same, or start without it.");
  };
  const LoraConfig& lora = spec.lora;
  const auto figure = [](double value) { return Json(value).dump(); };
  if (start.rank != lora.rank) refuse("lora.rank", std::to_string(start.rank), std::to_string(lora.rank));
  if (start.targets != lora.targets) refuse("lora.targets", target_names(start), target_names(lora));
  if (start.alpha != lora.alpha) refuse("lora.alpha", figure(start.alpha), figure(lora.alpha));
  if (start.rank_stabilised != lora.rank_stabilised) {
    refuse("lora.rankStabilised", Json(start.rank_stabilised).dump(), Json(lora.rank_stabilised).dump());
  }
}

/** The fields of a run that make two checkpoints interchangeable. */
void add_fingerprint(RunState& state, const RunSpec& spec, const PackedSplit& train, const PackedSplit& eval) {
  state.settings = spec.settings;
  state.model = model_digest(spec.model_path);
  state.adapter = adapter_digest(spec.adapter_path);
  state.data = Json::object();
  for (const PackedSplit* split : {&train, &eval}) {
    for (const auto& [file, digest] : split->digests()) state.data[file] = digest;
  }
}

void check_data(const RunSpec& spec, const std::string& folder, const PackedSplit& train, const PackedSplit& eval) {
  if (train.sequences() == 0) {
    throw Error("data-empty", folder + "/data/train.tokens holds nothing to train on; prepare data with at least one row "
                                       "that can be used.");
  }
  for (const PackedSplit* split : {&train, &eval}) {
    if (split->longest_sequence() > spec.sequence_length) {
      throw Error("data-too-long", folder + "/data holds a packed sequence of " + std::to_string(split->longest_sequence()) +
                                       " tokens where run.json says sequenceLength " + std::to_string(spec.sequence_length) +
                                       "; prepare the data again.");
    }
  }
}

PackedSplit open_split(const std::string& folder, const char* split, const LlamaConfig& config) {
  return PackedSplit::open(folder + "/data", split, config.vocabulary_size, config.max_position_embeddings);
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, CPU_COUNT(&set));
}

int64_t own_memory() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoll(line.c_str() + 8, nullptr, 10) * 1024;
  }
  return 0;
}

TrainingRun::TrainingRun(std::string folder, const RunOverrides& overrides, Machine& machine, EventLog& log)
    : folder_(std::move(folder)),
      log_(log),
      machine_(machine),
      overrides_(overrides),
      spec_(read_run_spec(folder_ + "/run.json")),
      config_(read_llama_config(spec_.model_path)),
      train_(open_split(folder_, "train", config_)),
      eval_(open_split(folder_, "eval", config_)),
      length_(run_length(std::max<int64_t>(1, train_.sequences()), spec_.sequences_per_step,
                         spec_.steps ? &*spec_.steps : nullptr, spec_.epochs ? &*spec_.epochs : nullptr)),
      order_(train_.sequences(), spec_.seed),
      store_(folder_),
      row_losses_(folder_, train_),
      sampler_(folder_, config_,
               {[this](const SampleEvent& event) { log_.write(event); },
                [this](const std::string& code, const std::string& message) { warn(code, message); },
                [this] {
                  take_messages();
                  return stop_;
                }}),
      control_(folder_ + "/control.jsonl", log.attempt()),
      adapter_{spec_.lora, spec_.model_path} {
  overrides_.apply(spec_);
  check_data(spec_, folder_, train_, eval_);
  state_.order_seed = spec_.seed;
  state_.threads = threads_of(spec_);
  add_fingerprint(state_, spec_, train_, eval_);
}

void TrainingRun::warn(const std::string& code, const std::string& message) { log_.write(WarningEvent{code, message}); }

void TrainingRun::open_interchange() {
  const TrainerShape shape{length_.steps,          spec_.sequences_per_step, length_.sequences,     train_.sequences(),
                           state_.micro_batch,     spec_.eval_every,         spec_.checkpoint_every};
  interchange_.emplace(folder_, shape, log_.attempt(), state_.step, [this](const std::string& message) {
    try {
      warn("interchange-failed", message);
    } catch (const Error&) {
      // The disk that failed the file may fail this line too; the run's own next event then ends it.
    }
  });
}

void TrainingRun::begin() {
  std::vector<std::string> skipped;
  resumed_ = store_.newest(skipped);
  const int asked_threads = state_.threads;
  if (resumed_) {
    refuse_changed(*resumed_, state_);
    const RunState& then = resumed_->state;
    if (then.step > length_.steps || then.order_seed != spec_.seed ||
        then.position != std::min(then.step * spec_.sequences_per_step, length_.sequences)) {
      throw Error("checkpoint-invalid", resumed_->path + "/state.json does not fit the run: its step, position and seed "
                                            "contradict run.json; remove that folder to go on from an older checkpoint.");
    }
    state_ = then;
  }
  saved_step_ = resumed_ ? state_.step : -1;
  OpenedDevice opened = open_for(machine_, spec_, state_.threads);
  device_ = std::move(opened.chosen);
  opened_ = std::move(opened.device);
  log_.write(StartEvent{TUNESMITH_VERSION, getpid(), device_.id(), device_.name(), state_.threads, state_.step,
                        length_.steps});
  for (const std::string& message : skipped) warn("checkpoint-skipped", message);
  if (!skipped.empty() && !resumed_) warn("checkpoint-none", "No complete checkpoint is left; the run starts from the beginning.");
  if (!device_.problem.empty()) warn("device-cpu", "The run computes on the CPU: " + device_.problem + ".");
  warn_of_changes(asked_threads);
  warn_of_no_early_stopping();
}

void TrainingRun::warn_of_no_early_stopping() {
  if (!spec_.early_stopping || (eval_.sequences() > 0 && spec_.eval_every > 0)) return;
  warn("early-stopping-off", std::string("The run will not stop early: training.earlyStopping needs ") +
                                 (eval_.sequences() == 0 ? "rows that are held out." : "training.evalEvery of 1 or more."));
}

void TrainingRun::warn_of_changes(int asked_threads) {
  const std::string device = device_.gpu ? "cuda" : "cpu";
  if (resumed_ && state_.device != device) {
    warn("device-changed", std::string("The run began on the ") +
                               (device_.gpu ? "CPU and goes on on the GPU" : "GPU and goes on on the CPU") + kNotTheSameBits);
  }
  state_.device = device;
  if (asked_threads != state_.threads && !device_.gpu) {
    warn("threads-from-checkpoint", "The run goes on with " + std::to_string(state_.threads) +
                                        " threads as it began, so that its result stays the same to the bit.");
  }
}

/** How a step is cut decides how its sums are rounded, so a resumed run keeps it where it can; recompute does not change a
    bit. */
MemoryPlan TrainingRun::plan_within(const Device& device, PlanRequest& request, int64_t usable) {
  if (!resumed_ || overrides_.micro_batch) return choose_plan(device, request, usable);
  request.micro_batch = state_.micro_batch;
  try {
    return choose_plan(device, request, usable);
  } catch (const Error& error) {
    if (error.code() != "memory-insufficient" || state_.micro_batch <= 1) throw;
  }
  request.micro_batch.reset();
  request.most_micro_batch = state_.micro_batch - 1;
  return choose_plan(device, request, usable);
}

void TrainingRun::make_trainer() {
  const TensorSource base = TensorSource::open_model(spec_.model_path);
  std::optional<int64_t> ceiling = spec_.memory_budget;
  for (;;) {
    PlanRequest request = plan_request(machine_, device_, spec_, config_, state_.threads,
                                       std::max(train_.longest_sequence(), eval_.longest_sequence()),
                                       std::max(train_.most_targets(), eval_.most_targets()));
    available_before_ = opened_->memory().available;
    const int64_t usable = usable_bytes(request.rules, available_before_, ceiling);
    const MemoryPlan plan = plan_within(*opened_, request, usable);
    forecast_bytes_ = plan.total_bytes();
    log_.write(PlanEvent{plan, usable, name_of(spec_.quantization)});
    try {
      trainer_ = std::make_unique<Trainer>(std::move(opened_), config_, base,
                                           options_for(request, plan.micro_batch, plan.recompute));
    } catch (const Error& error) {
      if (error.code() != "out-of-memory") throw;
      warn("plan-reduced",
           "The " + shown_bytes(forecast_bytes_) + " of the plan could not be had; the next smaller one is tried.");
      ceiling = forecast_bytes_ / 100 * kNextPlanPercent;
      opened_ = open_chosen(machine_, device_, state_.threads, spec_.quantization);
      continue;
    }
    if (resumed_ && plan.micro_batch != state_.micro_batch) {
      warn("micro-batch-changed", "The run goes on with " + std::to_string(plan.micro_batch) +
                                      " sequences at once where it had " + std::to_string(state_.micro_batch) +
                                      (overrides_.micro_batch ? "" : ", for there is less memory") + kNotTheSameBits);
    }
    state_.micro_batch = plan.micro_batch;
    state_.recompute = plan.recompute;
    break;
  }
}

void TrainingRun::load_start() {
  if (resumed_) {
    restore(*trainer_, *resumed_);
  } else if (!spec_.adapter_path.empty()) {
    check_start(spec_, read_adapter_config(spec_.adapter_path).lora);
    trainer_->load_adapter(TensorSource::open_file(adapter_weights_path(spec_.adapter_path)));
  }
  keep_row_losses([&] {
    row_losses_.begin(order_.epoch_of(state_.position) + 1,
                      resumed_ ? kept_losses(*resumed_, train_.documents()) : std::vector<DocumentLoss>{});
    return std::optional<RowLosses::Written>();
  });
}

void TrainingRun::run() {
  begin();
  make_trainer();
  load_start();
  open_interchange();
  for (;;) {
    take_messages();
    evaluate_if_due();
    save_if_due();
    obey();
    if (stop_ || state_.step >= length_.steps || stops_early()) break;
    train_step();
  }
  finish();
}

std::optional<double> TrainingRun::held_out_loss() {
  double sum = 0;
  for (int64_t next = 0; next < eval_.sequences();) {
    take_messages();
    if (paused_ && !stop_) wait_while_paused();
    if (stop_) return std::nullopt;
    buffer_.clear();
    for (int64_t i = 0; i < state_.micro_batch && next < eval_.sequences(); ++i) eval_.append(next++, buffer_);
    sum += trainer_->evaluate(buffer_.batch());
  }
  return sum / static_cast<double>(eval_.targets());
}

bool TrainingRun::evaluation_missing() const {
  if (eval_.sequences() == 0 || state_.eval_step == state_.step) return false;
  return state_.step == 0 || state_.step >= length_.steps || (spec_.eval_every > 0 && state_.step % spec_.eval_every == 0);
}

void TrainingRun::evaluate_if_due() {
  if (!evaluation_missing()) return;
  const std::optional<double> loss = held_out_loss();
  if (!loss) return;
  if (!std::isfinite(*loss)) {
    throw Error("loss-not-finite", "The held-out loss at step " + std::to_string(state_.step) +
                                       " is not a finite number; start a new run with a smaller learning rate.");
  }
  state_.eval_step = state_.step;
  state_.eval_loss = loss;
  if (state_.step == 0) state_.eval_loss_before = loss;
  const double min_delta = spec_.early_stopping ? spec_.early_stopping->min_delta : 0;
  const bool best = state_.step > 0 && state_.held_out.add(state_.step, *loss, min_delta);
  tell(EvalEvent{state_.step, *loss, eval_.targets(), best});
  answer_samples();
}

void TrainingRun::answer_samples() {
  const bool fresh = state_.step == 0 && spec_.adapter_path.empty();
  sampler_.answer(*trainer_, state_.step, fresh, state_.sampled_bases);
}

bool TrainingRun::stops_early() const {
  return state_.eval_step == state_.step && out_of_patience(state_.held_out, spec_.early_stopping);
}

void TrainingRun::save_if_due() {
  const bool due = state_.step > 0 && (state_.step >= length_.steps || state_.step == state_.held_out.best_step ||
                                       (spec_.checkpoint_every > 0 && state_.step % spec_.checkpoint_every == 0));
  if (due && saved_step_ != state_.step) save();
}

void TrainingRun::save() {
  const std::span<const DocumentLoss> losses =
      row_losses_.met() ? std::span<const DocumentLoss>(row_losses_.current()) : std::span<const DocumentLoss>();
  // After a power cut a run must not go on from a step whose events are lost.
  log_.sync();
  const std::string path = store_.write(*trainer_, state_, adapter_, spec_.keep_checkpoints, losses);
  saved_step_ = state_.step;
  save_asked_ = false;
  tell(CheckpointEvent{state_.step, path, state_.step == state_.held_out.best_step});
}

int64_t TrainingRun::accumulate_micro_batch(int64_t position, int64_t end, double scale) {
  const int64_t first = position;
  buffer_.clear();
  for (int64_t i = 0; i < state_.micro_batch && position < end; ++i) train_.append(order_.at(position++), buffer_);
  nll_.resize(buffer_.target_rows.size());
  trainer_->accumulate(buffer_.batch(), scale, nll_);
  TargetMeans means(nll_);
  for (int64_t at = first; at < position; ++at) {
    row_losses_.add(order_.epoch_of(at) + 1, order_.at(at), state_.step + 1, means);
  }
  return position;
}

void TrainingRun::keep_row_losses(const std::function<std::optional<RowLosses::Written>()>& write) {
  try {
    if (const auto written = write()) log_.write(RowLossesEvent{state_.step, written->pass, written->path});
  } catch (const Error& error) {
    if (row_losses_failed_) return;
    row_losses_failed_ = true;
    warn("row-losses-failed", std::string("The run goes on, but what each row costs cannot be written: ") + error.what());
  }
}

void TrainingRun::train_step() {
  const auto begin = std::chrono::steady_clock::now();
  const int64_t end = std::min(state_.position + spec_.sequences_per_step, length_.sequences);
  int64_t tokens = 0, targets = 0;
  for (int64_t position = state_.position; position < end; ++position) {
    const int64_t sequence = order_.at(position);
    tokens += train_.sequence_tokens(sequence);
    targets += train_.sequence_targets(sequence);
  }
  const double scale = 1.0 / static_cast<double>(targets);
  for (int64_t position = state_.position; position < end;) {
    position = accumulate_micro_batch(position, end, scale);
  }
  // The GPU's own figures are means over its last moments, so that they show it at work.
  const std::optional<GpuReading> reading = read_gpu();
  const double base_rate = state_.learning_rate.value_or(spec_.learning_rate);
  const double rate = learning_rate_at(spec_.schedule, state_.step, length_.steps, spec_.warmup_steps, base_rate);
  const Trainer::StepResult result = trainer_->apply(rate);
  const double loss = result.loss_sum * scale;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!std::isfinite(loss) || !std::isfinite(result.gradient_norm)) {
    throw Error("loss-not-finite",
                "The loss of step " + std::to_string(state_.step + 1) + " is not a finite number; " +
                    (saved_step_ > 0 ? "the checkpoint of step " + std::to_string(saved_step_) + " is kept: " : "") +
                    "start a new run with a smaller learning rate.");
  }
  state_.step += 1;
  state_.position = end;
  state_.epoch = order_.epoch_of(end);
  state_.tokens += tokens;
  state_.seconds += seconds;
  tell(StepEvent{state_.step, loss, rate, result.gradient_norm, tokens, targets, seconds});
  if (!memory_told_) tell_memory();
  if (reading) {
    tell(TelemetryEvent{state_.step, static_cast<double>(tokens) / seconds, reading->memory_used, reading->memory_total,
                        reading->utilisation, reading->temperature, reading->watts});
  }
  keep_row_losses([&] { return row_losses_.write_complete(order_.epoch_of(state_.position) + 1); });
}

std::optional<GpuReading> TrainingRun::read_gpu() {
  const auto now = std::chrono::steady_clock::now();
  if (!device_.gpu || now < next_reading_) return std::nullopt;
  next_reading_ = now + kReadingEvery;
  return machine_.read(*device_.gpu);
}

void TrainingRun::tell_memory() {
  memory_told_ = true;
  int64_t used = own_memory();
  if (device_.gpu) used = std::max<int64_t>(0, available_before_ - trainer_->model().device().memory().available);
  tell(MemoryEvent{used, forecast_bytes_});
}

void TrainingRun::take_messages() {
  const ControlReader::Result result = control_.read();
  for (const std::string& problem : result.problems) warn("control-invalid", problem);
  for (const ControlMessage& message : result.messages) {
    switch (message.type) {
      case ControlType::stop:
        stop_ = true;
        break;
      case ControlType::pause:
        paused_ = true;
        break;
      case ControlType::resume:
        paused_ = false;
        break;
      case ControlType::checkpoint:
        save_asked_ = true;
        break;
      case ControlType::learning_rate:
        set_learning_rate(message.learning_rate);
        break;
    }
  }
  if (stop_signalled()) stop_ = true;
}

void TrainingRun::set_learning_rate(double rate) {
  state_.learning_rate = rate;
  log_.write(LearningRateEvent{state_.step, rate});
  // The message is for this attempt alone: what a person has asked for must outlive it.
  save_asked_ = true;
}

void TrainingRun::obey() {
  take_messages();
  if (save_asked_) save();
  if (paused_ && !stop_) wait_while_paused();
}

void TrainingRun::wait_while_paused() {
  log_.write(PausedEvent{state_.step});
  while (paused_ && !stop_) {
    std::this_thread::sleep_for(kPausePoll);
    take_messages();
    if (save_asked_) save();
  }
  if (!paused_) log_.write(ResumedEvent{state_.step});
}

bool TrainingRun::load_best() {
  try {
    store_.load_adapter(*trainer_, state_.held_out.best_step);
    return true;
  } catch (const Error& error) {
    warn("best-missing", std::string("adapter/ holds the last step's adapter, for the best one's cannot be read: ") +
                             error.what());
    return false;
  }
}

void TrainingRun::finish() {
  const bool early = state_.step < length_.steps && stops_early();
  // Stopped in the last evaluation: all steps are done, but there is something to go on with.
  const bool finished = early || (state_.step >= length_.steps && !evaluation_missing());
  if (saved_step_ != state_.step) save();
  keep_row_losses([&] { return row_losses_.write_current(); });
  int64_t adapter_step = state_.step;
  std::optional<double> loss = state_.eval_step == state_.step ? state_.eval_loss : std::nullopt;
  const HeldOutProgress& held_out = state_.held_out;
  if (spec_.early_stopping && held_out.best_step >= 0 && held_out.best_step != state_.step && load_best()) {
    adapter_step = held_out.best_step;
    loss = held_out.best_loss;
  }
  write_final_adapter(folder_, *trainer_, adapter_);
  interchange_->end();
  log_.write(DoneEvent{finished ? "finished" : "stopped", state_.step, length_.steps, state_.eval_loss_before, loss,
                       state_.tokens, state_.seconds, early, adapter_step});
}

void train(const std::string& folder, const RunOverrides& overrides, Machine& machine) {
  std::error_code missing;
  if (!std::filesystem::is_regular_file(folder + "/run.json", missing)) {
    throw Error("run-missing", folder + " is not a run directory: it holds no run.json.");
  }
  RunLock lock(folder);
  // An attempt that ended before its first event has left its number in the lock alone, and may have been sent messages.
  EventLog log(folder + "/events.jsonl", lock.last_attempt());
  lock.start_heartbeat(log.attempt());
  catch_stop_signals();
  const auto fail = [&](const std::string& code, const std::string& message) {
    try {
      log.write(ErrorEvent{code, message});
    } catch (const Error&) {
      // The disk that failed the run may fail this line too; standard error still gets it.
    }
  };
  try {
    TrainingRun(folder, overrides, machine, log).run();
  } catch (const Error& error) {
    fail(error.code(), error.what());
    throw;
  } catch (const std::bad_alloc&) {
    const std::string message = "There is not enough memory for the run; close other programs or choose a smaller model.";
    fail("memory-insufficient", message);
    throw Error("memory-insufficient", message);
  } catch (const std::exception& error) {
    fail("internal", std::string("Internal error: ") + error.what());
    throw;
  }
}

}  // namespace tunesmith
