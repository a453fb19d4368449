#include <doctest/doctest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "error.h"
#include "run/tensorboard.h"
#include "run/trainer_state.h"
#include "run/training_run.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

void train_here(const TinyRun& run) {
  Machine machine;
  train(run.path(), {}, machine);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/** The data of a file's records; the framing must be right to the last byte. */
std::vector<std::string> records(const std::string& bytes) {
  const auto u32 = [&](size_t at) {
    uint32_t value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  std::vector<std::string> found;
  for (size_t at = 0; at < bytes.size();) {
    REQUIRE(at + 16 <= bytes.size());
    uint64_t length;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    CHECK(u32(at + 8) == masked_crc32c(std::string_view(bytes).substr(at, 8)));
    REQUIRE(length <= bytes.size() - at - 16);
    found.push_back(bytes.substr(at + 12, length));
    CHECK(u32(at + 12 + length) == masked_crc32c(found.back()));
    at += 16 + length;
  }
  return found;
}

Json state_in(const TinyRun& run, const std::string& folder = "") {
  return Json::parse(run.scratch().read("run/" + folder + "trainer_state.json"));
}

std::vector<int> logged_steps(const Json& state, const char* field) {
  std::vector<int> steps;
  for (const Json& entry : state["log_history"]) {
    if (entry.contains(field)) steps.push_back(entry["step"]);
  }
  return steps;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C, masked") {
  // RFC 3720, B.4, and the check value of the CRC catalogue.
  const auto masked = [](uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; };
  CHECK(masked_crc32c("123456789") == masked(0xe3069283u));
  CHECK(masked_crc32c(std::string(32, '\0')) == masked(0x8a9136aau));
  CHECK(masked_crc32c(std::string(32, '\xff')) == masked(0x62a8ab43u));
  CHECK(masked_crc32c("") == 0xa282ead8u);
}

TEST_CASE("an event file is made with its first value, and its name comes after all earlier ones") {
  const Scratch scratch;
  const std::string folder = scratch.at("tensorboard");
  { const TensorBoardLog nothing(folder, 1, 0); }
  CHECK(!fs::exists(folder));
  scratch.write("tensorboard/events.out.tfevents.4000000000.host.1.1", "");
  scratch.write("tensorboard/events.out.tfevents.x", "");
  TensorBoardLog log(folder, 2, 8);
  log.add(9, {{"train/loss", 1.5}, {"train/grad_norm", std::nan("")}});
  const auto names = names_in(folder);
  REQUIRE(names.size() == 3);
  CHECK(names[1].starts_with("events.out.tfevents.4000000001."));
  CHECK(names[1].ends_with("." + std::to_string(getpid()) + ".2"));
  const auto data = records(scratch.read("tensorboard/" + names[1]));
  REQUIRE(data.size() == 3);
  CHECK(data[0].find("brain.Event:2") != std::string::npos);
  // step = 9 and session_log { status: START }: what earlier files say of step 9 and later is void.
  CHECK(data[1].substr(9) == std::string("\x10\x09\x3a\x02\x08\x01", 6));
  CHECK(data[2].find("train/loss") != std::string::npos);
  CHECK(data[2].find("train/grad_norm") == std::string::npos);
}

TEST_CASE("trainer_state.json logs every step of a short run and the mean of several of a long one") {
  TrainerState brief({10, 3, 30, 10, 2, 5, 4});
  brief.add(EvalEvent{0, 3.0, 7});
  for (int step = 1; step <= 10; ++step) brief.add(StepEvent{step, 1.0 / step, 0.1 * step, 2.0, 100, 50, 0.1});
  brief.add(EvalEvent{10, 2.0, 7});
  const Json state = brief.to_json("/nowhere");
  CHECK(state["global_step"] == 10);
  CHECK(state["max_steps"] == 10);
  CHECK(state["epoch"] == 3.0);
  CHECK(state["num_train_epochs"] == 3);
  CHECK(state["num_input_tokens_seen"] == 1000);
  CHECK(state["logging_steps"] == 1);
  CHECK(state["best_metric"] == 2.0);
  CHECK(state["best_global_step"] == 10);
  CHECK(state["best_model_checkpoint"].is_null());
  REQUIRE(state["log_history"].size() == 12);
  CHECK(state["log_history"][0] == Json{{"eval_loss", 3.0}, {"epoch", 0.0}, {"step", 0}});
  CHECK(state["log_history"][2] ==
        Json{{"loss", 0.5}, {"grad_norm", 2.0}, {"learning_rate", 0.2}, {"epoch", 0.6}, {"step", 2}});

  TrainerState longer({100'000, 1, 100'000, 1000, 1, 0, 0});
  for (int step = 1; step <= 99'999; ++step) longer.add(StepEvent{step, static_cast<double>(step), 0, 0, 1, 1, 0});
  const Json log = longer.to_json("/nowhere")["log_history"];
  REQUIRE(log.size() == 999);
  CHECK(log[1]["step"] == 200);
  CHECK(log[1]["loss"] == 150.5);
}

TEST_CASE("a run leaves files for TensorBoard and a trainer_state.json, and a resumed one repeats nothing") {
  const TinyRun run;
  train_here(run);
  const Json whole = state_in(run);
  CHECK(whole["global_step"] == 12);
  CHECK(logged_steps(whole, "loss") == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(logged_steps(whole, "eval_loss") == std::vector<int>{0, 5, 10, 12});
  CHECK(state_in(run, "checkpoints/step-8/")["global_step"] == 8);
  CHECK(logged_steps(state_in(run, "checkpoints/step-8/"), "loss").back() == 8);
  const auto files = names_in(run.path() + "/tensorboard");
  REQUIRE(files.size() == 1);
  // Its head, the settings, 12 steps, 4 evaluations, the memory after the first step.
  CHECK(records(run.scratch().read("run/tensorboard/" + files[0])).size() == 1 + 1 + 12 + 4 + 1);

  // As if killed after step 8, in the middle of a line.
  fs::remove_all(run.path() + "/checkpoints/step-12");
  std::ofstream(run.path() + "/events.jsonl", std::ios::app) << "{\"type\":\"step\",\"st";
  train_here(run);
  CHECK(state_in(run) == whole);
  const auto both = names_in(run.path() + "/tensorboard");
  REQUIRE(both.size() == 2);
  CHECK(both[0] == files[0]);
  CHECK(records(run.scratch().read("run/tensorboard/" + both[1])).size() == 2 + 4 + 2 + 1);
  CHECK(run.warnings("interchange-failed").empty());

  // Nothing is left to do: no file without a value.
  train_here(run);
  CHECK(names_in(run.path() + "/tensorboard") == both);
}

TEST_CASE("a start from the beginning again voids all that was told before") {
  const TinyRun run;
  train_here(run);
  const Json whole = state_in(run);
  fs::remove_all(run.path() + "/checkpoints");
  train_here(run);
  CHECK(state_in(run) == whole);
}

TEST_CASE("what other programs read ends no run: it is told once") {
  TinyRun run;
  SUBCASE("a file where the folder should be") { run.scratch().write("run/tensorboard", "mine"); }
  SUBCASE("a link that leads out of the run") {
    fs::create_directories(run.scratch().at("outside"));
    fs::create_directory_symlink(run.scratch().at("outside"), run.path() + "/tensorboard");
  }
  SUBCASE("a folder where trainer_state.json should be") {
    run.scratch().write("run/trainer_state.json/mine", "mine");
  }
  train_here(run);
  CHECK(run.events().back()["reason"] == "finished");
  REQUIRE(run.warnings("interchange-failed").size() == 1);
  CHECK(run.warnings("interchange-failed")[0].find(run.path()) != std::string::npos);
  CHECK(!(fs::exists(run.scratch().at("outside")) && !fs::is_empty(run.scratch().at("outside"))));
}

TEST_CASE("a full disk leaves whole records") {
  const TinyRun run([](Json& spec) { spec["training"]["steps"] = 60; });
  const std::string folder = run.path() + "/tensorboard";
  fs::create_directories(folder);
  if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=4k") != 0) return;
  train_here(run);
  const auto files = names_in(folder);
  REQUIRE(files.size() == 1);
  const auto kept = records(run.scratch().read("run/tensorboard/" + files[0]));
  umount2(folder.c_str(), MNT_DETACH);
  CHECK(kept.size() > 3);
  CHECK(kept.size() < 60);
  CHECK(run.events().back()["reason"] == "finished");
  CHECK(run.warnings("interchange-failed").size() == 1);
  CHECK(logged_steps(state_in(run), "loss").size() == 60);
}

TEST_CASE("trainer_state.json is made of the events that can be read") {
  const Scratch scratch;
  const char* lines[] = {
      R"({"type":"start","resumedFrom":0})",
      R"({"type":"step","step":1,"loss":1,"learningRate":1,"gradientNorm":1,"tokens":5})",
      R"({"type":"step","step":2,"loss":1,"learningRate":1,"gradientNorm":1,"tokens":5})",
      R"({"type":"eval","step":2,"loss":0.5})",
      R"({"type":"start","resumedFrom":1})",
      R"({"type":"step","step":2,"loss":9,"learningRate":1,"gradientNorm":1,"tokens":5})",
      R"({"type":"step","step":3,"loss":1e999,"learningRate":1,"gradientNorm":1,"tokens":5})",
      R"({"type":"step","step":3,"loss":"1","learningRate":1,"gradientNorm":1,"tokens":5})",
      R"({"type":"step","step":-3})", R"({"type":["step"]})", R"({"type":"start","resumedFrom":{}})", "[]", "\xff", "",
      R"({"type":"eval","step":18446744073709551615,"loss":0.1})"};
  std::string text = std::string(100'000, '[') + "\n";
  for (const char* line : lines) text += std::string(line) + "\n";
  scratch.write("events.jsonl", text);
  TrainerState state({4, 1, 4, 4, 1, 0, 0});
  state.replay(scratch.at("events.jsonl"), 2);
  const Json json = state.to_json(scratch.path());
  CHECK(json["global_step"] == 2);
  CHECK(json["num_input_tokens_seen"] == 10);
  REQUIRE(json["log_history"].size() == 2);
  CHECK(json["log_history"][1]["loss"] == 9);
  CHECK_THROWS_AS(state.replay(scratch.at("absent"), 0), Error);
}
