#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "run/run_spec.h"
#include "train/trainer.h"

namespace tunesmith {

/*
 * The events of src/protocol/engine.ts. Each struct lists its fields once, in `visit`; writing and `schema` both use it.
 */

struct StartEvent {
  static constexpr const char* kType = "start";
  std::string engine;
  int64_t pid = 0;
  std::string device, device_name;
  int64_t threads = 0, resumed_from = 0, total_steps = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("engine", engine), v("pid", pid), v("device", device), v("deviceName", device_name), v("threads", threads),
        v("resumedFrom", resumed_from), v("totalSteps", total_steps);
  }
};

/** Bytes; `memory` is the plan's forecast by item. */
struct PlanEvent {
  static constexpr const char* kType = "plan";
  MemoryPlan memory;
  int64_t usable_bytes = 0;
  std::string quantization;
  template <class Visit>
  void visit(Visit&& v) const {
    v("recompute", std::string(name_of(memory.recompute))), v("quantization", quantization),
        v("microBatch", memory.micro_batch), v("usableBytes", usable_bytes), v("forecastBytes", memory.total_bytes()),
        v("weightBytes", memory.weight_bytes), v("adapterBytes", memory.adapter_bytes),
        v("activationBytes", memory.activation_bytes()), v("savedBytes", memory.saved_bytes),
        v("workingBytes", memory.working_bytes), v("headBytes", memory.head_bytes), v("scratchBytes", memory.scratch_bytes),
        v("parameters", memory.parameters), v("trainableParameters", memory.trainable_parameters);
  }
};

/** After the first step of an attempt: what the forecast has come to. */
struct MemoryEvent {
  static constexpr const char* kType = "memory";
  int64_t used_bytes = 0, forecast_bytes = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("usedBytes", used_bytes), v("forecastBytes", forecast_bytes);
  }
};

/** A GPU at work, at most once a second. What the driver does not tell is null. */
struct TelemetryEvent {
  static constexpr const char* kType = "telemetry";
  int64_t step = 0;
  double tokens_per_second = 0;
  int64_t memory_used = 0, memory_total = 0;
  std::optional<double> utilisation, temperature, watts;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("tokensPerSecond", tokens_per_second), v("memoryUsed", memory_used), v("memoryTotal", memory_total),
        v("utilisation", utilisation), v("temperature", temperature), v("watts", watts);
  }
};

struct StepEvent {
  static constexpr const char* kType = "step";
  int64_t step = 0;
  double loss = 0, learning_rate = 0, gradient_norm = 0;
  int64_t tokens = 0, targets = 0;
  double seconds = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("loss", loss), v("learningRate", learning_rate), v("gradientNorm", gradient_norm),
        v("tokens", tokens), v("targets", targets), v("seconds", seconds);
  }
};

struct EvalEvent {
  static constexpr const char* kType = "eval";
  int64_t step = 0;
  double loss = 0;
  int64_t targets = 0;
  /** The lowest held-out loss so far. */
  bool best = false;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("loss", loss), v("targets", targets), v("best", best);
  }
};

/** A pinned prompt, answered greedily; the end token is no part of `ids`. */
struct SampleEvent {
  static constexpr const char* kType = "sample";
  int64_t step = 0;
  std::string prompt;
  /** The base model's answer, without the adapter. */
  bool base = false;
  std::vector<int32_t> ids;
  /** It ended by itself, not at the limit. */
  bool ended = false;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("prompt", prompt), v("base", base), v("ids", ids), v("ended", ended);
  }
};

/** The rate that a person has asked for; it counts from the next step on, before schedule and warm-up. */
struct LearningRateEvent {
  static constexpr const char* kType = "learning-rate";
  int64_t step = 0;
  double learning_rate = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("learningRate", learning_rate);
  }
};

/** What each row has cost in a pass over the data, counted from 1. `path` is relative to the run directory. */
struct RowLossesEvent {
  static constexpr const char* kType = "row-losses";
  int64_t step = 0, pass = 0;
  std::string path;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("pass", pass), v("path", path);
  }
};

struct CheckpointEvent {
  static constexpr const char* kType = "checkpoint";
  int64_t step = 0;
  std::string path;
  /** That of the lowest held-out loss so far. */
  bool best = false;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("path", path), v("best", best);
  }
};

struct PausedEvent {
  static constexpr const char* kType = "paused";
  int64_t step = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step);
  }
};

struct ResumedEvent {
  static constexpr const char* kType = "resumed";
  int64_t step = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step);
  }
};

struct WarningEvent {
  static constexpr const char* kType = "warning";
  std::string code, message;
  template <class Visit>
  void visit(Visit&& v) const {
    v("code", code), v("message", message);
  }
};

struct ErrorEvent {
  static constexpr const char* kType = "error";
  std::string code, message;
  template <class Visit>
  void visit(Visit&& v) const {
    v("code", code), v("message", message);
  }
};

struct DoneEvent {
  static constexpr const char* kType = "done";
  std::string reason;
  int64_t step = 0, total_steps = 0;
  std::optional<double> eval_loss_before, eval_loss_after;
  int64_t tokens = 0;
  double seconds = 0;
  /** It finished before its last step, because the held-out loss fell no further. */
  bool early = false;
  /** The step whose adapter is in adapter/; eval_loss_after is that one's. */
  int64_t adapter_step = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("reason", reason), v("step", step), v("totalSteps", total_steps), v("evalLossBefore", eval_loss_before),
        v("evalLossAfter", eval_loss_after), v("tokens", tokens), v("seconds", seconds), v("early", early),
        v("adapterStep", adapter_step);
  }
};

/** Type → field names, without the head (time, attempt). */
Json event_schema();

/** events.jsonl of one run directory, whose lock the caller holds. */
class EventLog {
 public:
  /** Repairs a last line that a killed attempt left unfinished. This attempt's number is 1 + the highest in the file, or
      + `last_attempt` where that is higher. */
  explicit EventLog(const std::string& path, int64_t last_attempt = 0);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  int64_t attempt() const { return attempt_; }

  /** Appends one line in one write. Throws Error where the disk is full or a number is not finite. */
  template <class Event>
  void write(const Event& event) {
    nlohmann::ordered_json line = head(Event::kType);
    event.visit([&](const char* name, const auto& value) { put(line, name, value); });
    append(line);
  }

  /** Puts what was written on the disk, before a checkpoint that goes on from there. Throws Error. */
  void sync() const;

 private:
  nlohmann::ordered_json head(const char* type) const;
  static void put(nlohmann::ordered_json& line, const char* name, const std::string& value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, int64_t value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, bool value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, const std::vector<int32_t>& value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, double value);
  static void put(nlohmann::ordered_json& line, const char* name, const std::optional<double>& value);
  void append(const nlohmann::ordered_json& line);
  void repair();

  std::string path_;
  int fd_ = -1;
  int64_t attempt_ = 1;
};

/** The number of an attempt as a file holds it; 0 where it is none. */
int64_t attempt_number(const Json& value);

/** Milliseconds since 1970. */
int64_t now_milliseconds();

}  // namespace tunesmith
