#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"

namespace tunesmith {

/*
 * The events of src/protocol/engine.ts. Each struct lists its fields once, in `visit`; writing and `schema` both use it.
 */

struct StartEvent {
  static constexpr const char* kType = "start";
  std::string engine;
  int64_t pid = 0;
  std::string device;
  int64_t threads = 0, resumed_from = 0, total_steps = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("engine", engine), v("pid", pid), v("device", device), v("threads", threads), v("resumedFrom", resumed_from),
        v("totalSteps", total_steps);
  }
};

struct PlanEvent {
  static constexpr const char* kType = "plan";
  std::string recompute;
  int64_t micro_batch = 0, forecast_bytes = 0, weight_bytes = 0, adapter_bytes = 0, activation_bytes = 0, parameters = 0,
          trainable_parameters = 0;
  template <class Visit>
  void visit(Visit&& v) const {
    v("recompute", recompute), v("microBatch", micro_batch), v("forecastBytes", forecast_bytes),
        v("weightBytes", weight_bytes), v("adapterBytes", adapter_bytes), v("activationBytes", activation_bytes),
        v("parameters", parameters), v("trainableParameters", trainable_parameters);
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
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("loss", loss), v("targets", targets);
  }
};

struct CheckpointEvent {
  static constexpr const char* kType = "checkpoint";
  int64_t step = 0;
  std::string path;
  template <class Visit>
  void visit(Visit&& v) const {
    v("step", step), v("path", path);
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
  template <class Visit>
  void visit(Visit&& v) const {
    v("reason", reason), v("step", step), v("totalSteps", total_steps), v("evalLossBefore", eval_loss_before),
        v("evalLossAfter", eval_loss_after), v("tokens", tokens), v("seconds", seconds);
  }
};

/** Type → field names, without the head (time, attempt). */
Json event_schema();

/** events.jsonl of one run directory, whose lock the caller holds. */
class EventLog {
 public:
  /** Repairs a last line that a killed attempt left unfinished; this attempt's number is 1 + the highest in the file. */
  explicit EventLog(const std::string& path);
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

 private:
  nlohmann::ordered_json head(const char* type) const;
  static void put(nlohmann::ordered_json& line, const char* name, const std::string& value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, int64_t value) { line[name] = value; }
  static void put(nlohmann::ordered_json& line, const char* name, double value);
  static void put(nlohmann::ordered_json& line, const char* name, const std::optional<double>& value);
  void append(const nlohmann::ordered_json& line);
  void repair();

  std::string path_;
  int fd_ = -1;
  int64_t attempt_ = 1;
};

/** Milliseconds since 1970. */
int64_t now_milliseconds();

}  // namespace tunesmith
