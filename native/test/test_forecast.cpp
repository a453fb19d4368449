/** Forecasts: how often a run stops over, what a dry run measures, what would make a plan fit, whose speed is gone by. */
#include <doctest/doctest.h>

#include <filesystem>

#include "error.h"
#include "run/dry_run.h"
#include "run/forecast.h"
#include "run/speed.h"
#include "run/training_run.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

ForecastRequest request_for(const TinyRun& run) {
  ForecastRequest request;
  request.folder = run.path();
  request.runs_folder = "/nowhere";
  return request;
}

/** Every file below a folder with its size. */
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    found.push_back(entry.path().string() + " " + std::to_string(entry.is_regular_file() ? entry.file_size() : 0));
  }
  std::sort(found.begin(), found.end());
  return found;
}

/** A finished run of another folder, as its files tell of it. */
void write_past(const Scratch& scratch, const std::string& name, const std::string& model, int64_t sequence_length,
                const std::string& recompute, int threads, double tokens_per_second, const std::string& device) {
  const Json spec = {{"model", {{"path", model}}}, {"sequenceLength", sequence_length}};
  scratch.write("runs/" + name + "/run.json", spec.dump());
  const auto line = [](Json event) { return event.dump() + "\n"; };
  scratch.write("runs/" + name + "/events.jsonl",
                line({{"type", "start"}, {"deviceName", device}, {"threads", threads}}) +
                    line({{"type", "plan"}, {"recompute", recompute}, {"quantization", "none"}}) +
                    line({{"type", "done"}, {"reason", "finished"}, {"tokens", tokens_per_second * 10}, {"seconds", 10}}));
}

}  // namespace

TEST_CASE("evaluations and checkpoints are counted at their intervals, at the end, and where one may be the best") {
  RunSpec spec;
  spec.eval_every = 0, spec.checkpoint_every = 0;
  CHECK(interruptions(spec, 100, true).evaluations == 2);
  CHECK(interruptions(spec, 100, true).checkpoints == 1);
  CHECK(interruptions(spec, 100, false).evaluations == 0);
  spec.eval_every = 10, spec.checkpoint_every = 25;
  const Interruptions both = interruptions(spec, 100, true);
  CHECK(both.evaluations == 2 + 9);
  // At 25, 50, 75 and the end; at 10, 20, … 90 but 50.
  CHECK(both.checkpoints == 4 + 8);
  CHECK(interruptions(spec, 100, false).checkpoints == 4);
  CHECK(interruptions(spec, 1, true).checkpoints == 1);
}

TEST_CASE("a dry run measures the run that is planned and leaves nothing behind") {
  const TinyRun run;
  ForecastRequest request = request_for(run);
  Machine machine;
  const RunForecast plain = forecast_run(machine, request);
  CHECK_FALSE(plain.calibrated);
  CHECK_FALSE(plain.measured_bytes);
  const auto before = files_in(run.path());
  std::vector<std::string> stages;
  request.measure = [&](const char* stage, double fraction) {
    CHECK(fraction >= 0);
    CHECK(fraction <= 1);
    if (stages.empty() || stages.back() != stage) stages.emplace_back(stage);
  };
  const RunForecast measured = forecast_run(machine, request);
  CHECK(stages == std::vector<std::string>{"loading", "steps", "evaluation", "checkpoint"});
  CHECK(measured.calibrated);
  CHECK(measured.tokens_per_second > 0);
  CHECK(measured.seconds() > 0);
  REQUIRE(measured.measured_bytes);
  CHECK(*measured.measured_bytes > 0);
  CHECK(measured.steps == plain.steps);
  CHECK(measured.plan.total_bytes() == plain.plan.total_bytes());
  CHECK(files_in(run.path()) == before);
  // The same where the data is not prepared, with documents shorter than a sequence and few targets.
  fs::remove_all(run.path() + "/data");
  request.expected = ExpectedData{320, 64, 12, 7, 40, 2, 20, 5, 9};
  CHECK(forecast_run(machine, request).calibrated);
}

TEST_CASE("the data's sequences, where they are known, decide how many tokens a step has") {
  const TinyRun run([](Json& spec) { spec["training"]["epochs"] = 2, spec["training"]["steps"] = nullptr; });
  const Json training = Json::parse(run.scratch().read("run/run.json"))["training"];
  ForecastRequest request = request_for(run);
  Machine machine;
  // As full as they can be: 10 of 32.
  request.expected = ExpectedData{.train_tokens = 320};
  const RunForecast full = forecast_run(machine, request);
  request.expected->train_sequences = 15;
  const RunForecast packed = forecast_run(machine, request);
  const int64_t at_once = training["sequencesPerStep"];
  CHECK(full.steps == (20 + at_once - 1) / at_once);
  CHECK(packed.steps == (30 + at_once - 1) / at_once);
  // A pass is a pass.
  CHECK(packed.tokens == full.tokens);
  CHECK(full.tokens == 640);
  // A number of steps is not.
  run.edit_spec([](Json& spec) { spec["training"]["epochs"] = nullptr, spec["training"]["steps"] = 5; });
  CHECK(forecast_run(machine, request).tokens == std::llround(5.0 * static_cast<double>(at_once) * 320 / 15));
  // Fewer than could hold the tokens there are not.
  request.expected->train_sequences = 2;
  CHECK(forecast_run(machine, request).tokens == 5 * at_once * 32);
}

TEST_CASE("answers are forecast by their prompts, their length and whose they are") {
  const TinyRun run([](Json& spec) { spec["training"]["evalEvery"] = 0; });
  ForecastRequest request = request_for(run);
  Machine machine;
  const auto seconds = [&](ExpectedData data) {
    data.train_tokens = 320, data.eval_tokens = 64, data.document_tokens = 32;
    request.expected = data;
    return forecast_run(machine, request).answer_seconds;
  };
  CHECK(seconds({}) == 0);
  const double few = seconds({.train_targets = 320, .answers = 1, .answer_tokens = 10});
  CHECK(few > 0);
  CHECK(seconds({.train_targets = 320, .answers = 3, .answer_tokens = 10}) == doctest::Approx(3 * few));
  // The rows' first half is read before an answer.
  CHECK(seconds({.train_targets = 160, .answers = 1, .answer_tokens = 10}) > few);
  // What rows learn says where an answer ends, once it was learned.
  CHECK(seconds({.train_targets = 320, .answers = 1, .answer_tokens = 10, .row_answer = 5}) < few);
  CHECK(seconds({.train_targets = 320, .answers = 1, .answer_tokens = 10, .row_answer = 50}) == doctest::Approx(few));
  CHECK(seconds({.train_targets = 320, .answers = 1, .answer_tokens = 10, .row_prompt = 16}) > few);
  // Without steps between, evaluated twice; the first answers are the base's as long as the adapter is fresh.
  run.edit_spec([](Json& spec) { spec["model"]["adapter"] = "/somewhere"; });
  CHECK(seconds({.train_targets = 320, .answers = 1, .answer_tokens = 10}) == doctest::Approx(1.5 * few));
}

TEST_CASE("a plan that does not fit says as settings what would") {
  const TinyRun run([](Json& spec) {
    spec["model"]["path"] = TUNESMITH_REPOSITORY "/models/tiny-python";
    spec["sequenceLength"] = 1024;
    spec["training"]["microBatch"] = 3;
    spec["training"]["recompute"] = "none";
    spec["memoryBudget"] = int64_t{110} << 20;
  });
  ForecastRequest request = request_for(run);
  request.expected = ExpectedData{.train_tokens = 100'000};
  Machine machine;
  try {
    forecast_run(machine, request);
    FAIL("it fits");
  } catch (const MemoryInsufficient& refused) {
    CHECK(refused.usable == int64_t{110} << 20);
    CHECK(refused.least > refused.usable);
    REQUIRE(!refused.fixes.empty());
    REQUIRE(refused.fixes.size() <= 3);
    const auto& [field, value] = refused.fixes.front().changes.front();
    CHECK(std::string(field) == "memoryBudget");
    // Each is enough when run.json says so.
    for (const MemoryFix& fix : refused.fixes) {
      Json spec = Json::parse(run.scratch().read("run/run.json"));
      for (const auto& [name, changed] : fix.changes) {
        std::string pointer = "/" + std::string(name);
        std::replace(pointer.begin(), pointer.end(), '.', '/');
        spec[Json::json_pointer(pointer)] = changed;
      }
      CAPTURE(spec.dump());
      run.scratch().write("run/run.json", spec.dump());
      RunForecast forecast;
      CHECK_NOTHROW(forecast = forecast_run(machine, request));
      CHECK(forecast.plan.total_bytes() >= fix.bytes);
      run.edit_spec([](Json& back) {
        back["sequenceLength"] = 1024;
        back["training"]["microBatch"] = 3;
        back["training"]["recompute"] = "none";
        back["memoryBudget"] = int64_t{110} << 20;
        back["lora"]["rank"] = 4;
      });
    }
  }
}

TEST_CASE("the speed is that of the last run like it, else carried over from another by arithmetic") {
  const TinyRun run;
  const Scratch scratch;
  const std::string model = run.model(), here = cpu_name();
  SpeedKey key;
  key.model = model, key.sequence_length = 32, key.threads = 2;
  PlanRequest request;
  request.config = read_llama_config(model);
  request.sequence_tokens = 32, request.sequence_targets = 16, request.sequences_per_step = 4;
  MemoryPlan plan;
  const auto speed = [&] { return expected_speed(scratch.at("runs"), key, request, plan); };
  CHECK_FALSE(speed().measured);
  write_past(scratch, "2026-1", model, 32, "none", 2, 1000, here);
  CHECK(speed().measured);
  CHECK(speed().tokens_per_second == doctest::Approx(1000));
  // Newer, but of another shape: it counts only where there is none like it.
  write_past(scratch, "2026-2", model, 64, "none", 2, 500, here);
  CHECK(speed().tokens_per_second == doctest::Approx(1000));
  fs::remove_all(scratch.at("runs/2026-1"));
  CHECK(speed().tokens_per_second > 500);
  key.threads = 1;
  const double one = speed().tokens_per_second;
  key.threads = 2;
  CHECK(speed().tokens_per_second == doctest::Approx(2 * one));
  const double none = speed().tokens_per_second;
  plan.recompute = Recompute::block;
  CHECK(speed().tokens_per_second < none);
  // Others tell nothing: of another device, of 4-bit weights, not finished, not readable.
  fs::remove_all(scratch.at("runs/2026-2"));
  write_past(scratch, "2026-3", model, 32, "none", 2, 100, "Another device");
  write_past(scratch, "2026-4", "/another/model", 32, "none", 2, 100, here);
  write_past(scratch, "2026-5", model, 32, "none", 2, 0, here);
  scratch.write("runs/2026-6/run.json", "[]");
  scratch.write("runs/2026-7/run.json", "{");
  CHECK_FALSE(speed().measured);
}

TEST_CASE("the engine refuses in words and, for a program, as settings; a measurement can be ended") {
  const TinyRun run([](Json& spec) {
    spec["model"]["path"] = TUNESMITH_REPOSITORY "/models/tiny-python";
    spec["sequenceLength"] = 4096;
    spec["memoryBudget"] = int64_t{100} << 20;
  });
  const std::vector<std::string> plan = {"plan", "--run", run.path(), "--tokens", "900000", "--json"};
  EngineProcess refused(plan);
  CHECK(refused.wait() == 1);
  const Json error = Json::parse(refused.out())["error"];
  CHECK(error["code"] == "memory-insufficient");
  CHECK(refused.err() == "tunesmith-engine: " + error["message"].get<std::string>() + "\n");
  CHECK(error["usableBytes"] == int64_t{100} << 20);
  CHECK(error["fixes"][0]["changes"][0]["field"] == "memoryBudget");
  CHECK(error["fixes"][0]["bytes"] == error["leastBytes"]);

  run.edit_spec([](Json& spec) { spec["memoryBudget"] = int64_t{16} << 30; });
  std::vector<std::string> measure = plan;
  measure.push_back("--measure");
  EngineProcess cancelled(measure);
  wait_until([&] { return cancelled.out().find("\"steps\"") != std::string::npos; });
  cancelled.signal(15);
  CHECK(cancelled.wait() == -15);
  CHECK_FALSE(fs::exists(run.path() + "/checkpoints"));
}
