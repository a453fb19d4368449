#include <cstdio>
#include <filesystem>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/machine.h"
#include "error.h"
#include "io/json.h"
#include "run/forecast.h"

namespace tunesmith {

namespace {

constexpr int64_t kMostTokens = int64_t{1} << 50;
constexpr int64_t kMostAnswers = 1000;

Json to_json(const RunForecast& forecast) {
  const MemoryPlan& plan = forecast.plan;
  Json json = {{"device", forecast.device.id()},
          {"deviceName", forecast.device.name()},
          {"why", as_sentence(forecast.device.problem)},
          {"memoryTotal", forecast.memory.total},
          {"memoryFree", forecast.memory.available},
          {"usableBytes", forecast.usable_bytes},
          {"recompute", name_of(plan.recompute)},
          {"microBatch", plan.micro_batch},
          {"forecastBytes", plan.total_bytes()},
          {"weightBytes", plan.weight_bytes},
          {"adapterBytes", plan.adapter_bytes},
          {"savedBytes", plan.saved_bytes},
          {"workingBytes", plan.working_bytes},
          {"headBytes", plan.head_bytes},
          {"scratchBytes", plan.scratch_bytes},
          {"parameters", plan.parameters},
          {"trainableParameters", plan.trainable_parameters},
          {"maxPositions", forecast.max_positions},
          {"steps", forecast.steps},
          {"tokens", forecast.tokens},
          {"tokensPerSecond", forecast.tokens_per_second},
          {"measured", forecast.measured},
          {"startSeconds", forecast.start_seconds},
          {"trainingSeconds", forecast.training_seconds},
          {"evaluationSeconds", forecast.evaluation_seconds},
          {"answerSeconds", forecast.answer_seconds},
          {"checkpointSeconds", forecast.checkpoint_seconds},
          {"seconds", forecast.seconds()}};
  if (forecast.calibrated) json["calibrated"] = true;
  if (forecast.measured_bytes) json["measuredBytes"] = *forecast.measured_bytes;
  return json;
}

Json to_json(const MemoryFix& fix) {
  Json changes = Json::array();
  for (const auto& [field, value] : fix.changes) changes.push_back({{"field", field}, {"value", value}});
  return {{"changes", changes}, {"bytes", fix.bytes}};
}

/** The refusal for a program; the sentence goes to standard error as ever. */
Json to_json(const Error& error) {
  Json said = {{"code", error.code()}, {"message", error.what()}, {"fixes", Json::array()}};
  if (const auto* memory = dynamic_cast<const MemoryInsufficient*>(&error)) {
    said["leastBytes"] = memory->least;
    said["usableBytes"] = memory->usable;
    for (const MemoryFix& fix : memory->fixes) said["fixes"].push_back(to_json(fix));
  }
  return {{"error", said}};
}

/** One line, seen at once. */
void print(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

/** "about 4 min" */
std::string shown_time(double seconds) {
  char text[32];
  if (seconds < 90) {
    std::snprintf(text, sizeof text, "about %.0f s", seconds < 1 ? 1.0 : seconds);
  } else if (seconds < 90 * 60) {
    std::snprintf(text, sizeof text, "about %.0f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "about %.1f h", seconds / 3600);
  }
  return text;
}

void print(const RunForecast& forecast) {
  const MemoryPlan& plan = forecast.plan;
  if (!forecast.device.problem.empty()) std::printf("%s\n", as_sentence(forecast.device.problem).c_str());
  std::printf("%s: %s, %s of %s free\n", forecast.device.id().c_str(), forecast.device.name().c_str(),
              shown_bytes(forecast.memory.available).c_str(), shown_bytes(forecast.memory.total).c_str());
  std::printf("memory: %s (%s can be used), recompute %s, micro-batch %lld\n", shown_bytes(plan.total_bytes()).c_str(),
              shown_bytes(forecast.usable_bytes).c_str(), name_of(plan.recompute),
              static_cast<long long>(plan.micro_batch));
  const std::pair<const char*, int64_t> items[] = {
      {"weights", plan.weight_bytes},          {"adapter and optimizer", plan.adapter_bytes},
      {"saved activations", plan.saved_bytes}, {"working space", plan.working_bytes},
      {"logits", plan.head_bytes},             {"scratch", plan.scratch_bytes}};
  for (const auto& [name, bytes] : items) std::printf("  %-22s %s\n", name, shown_bytes(bytes).c_str());
  std::printf("time: %s for %lld steps, %lld tokens at %.0f tokens/s (%s)\n", shown_time(forecast.seconds()).c_str(),
              static_cast<long long>(forecast.steps), static_cast<long long>(forecast.tokens), forecast.tokens_per_second,
              forecast.calibrated ? "measured" : forecast.measured ? "by the last run" : "by arithmetic");
  if (forecast.measured_bytes) std::printf("measured memory: %s\n", shown_bytes(*forecast.measured_bytes).c_str());
}

}  // namespace

int run_plan(const std::vector<std::string>& arguments) {
  std::vector<std::string> names = kOverrideOptions;
  names.insert(names.end(), {"--run", "--runs", "--tokens", "--eval-tokens", "--sequences", "--document-tokens", "--targets",
                              "--answers", "--answer-tokens", "--row-prompt", "--row-answer"});
  const Arguments options(arguments, names, {"--json", "--measure"});
  ForecastRequest request;
  const std::filesystem::path run = options.required("--run");
  const auto tokens = options.whole("--tokens", 1, kMostTokens);
  const auto eval_tokens = options.whole("--eval-tokens", 0, kMostTokens);
  const auto sequences = options.whole("--sequences", 1, kMostTokens);
  const auto document_tokens = options.whole("--document-tokens", 1, kMostTokens);
  const auto targets = options.whole("--targets", 0, kMostTokens);
  const auto answers = options.whole("--answers", 0, kMostAnswers);
  const auto answer_tokens = options.whole("--answer-tokens", 1, kMostTokens);
  const auto row_prompt = options.whole("--row-prompt", 0, kMostTokens);
  const auto row_answer = options.whole("--row-answer", 0, kMostTokens);
  if (answers.has_value() != answer_tokens.has_value()) throw UsageError{"--answers goes with --answer-tokens"};
  for (const char* name : {"--eval-tokens", "--sequences", "--document-tokens", "--targets", "--answers", "--row-prompt", "--row-answer"}) {
    if (options.optional(name) && !tokens) throw UsageError{std::string(name) + " goes with --tokens"};
  }
  if (tokens) {
    request.expected = ExpectedData{*tokens, eval_tokens.value_or(0), sequences, document_tokens, targets, answers.value_or(0),
                                    answer_tokens.value_or(0), row_prompt, row_answer};
  }
  std::error_code error;
  std::filesystem::path folder = std::filesystem::absolute(run, error).lexically_normal();
  if (error) folder = run;
  if (!folder.has_filename()) folder = folder.parent_path();
  request.folder = folder.string();
  request.runs_folder = options.optional("--runs").value_or(folder.parent_path().string());
  request.overrides = overrides_of(options);
  const bool as_json = options.flag("--json");
  if (options.flag("--measure")) {
    request.measure = [as_json](const char* stage, double fraction) {
      if (as_json) print(Json{{"stage", stage}, {"fraction", fraction}});
    };
  }
  const std::unique_ptr<Machine> machine = this_machine();
  try {
    const RunForecast forecast = forecast_run(*machine, request);
    if (as_json) {
      print(to_json(forecast));
    } else {
      print(forecast);
    }
  } catch (const Error& refused) {
    if (as_json) print(to_json(refused));
    throw;
  }
  return 0;
}

}  // namespace tunesmith
