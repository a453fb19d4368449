#include <doctest/doctest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <set>

#include "error.h"
#include "run/training_run.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

std::string failure(const TinyRun& run) {
  try {
    Machine machine;
    train(run.path(), {}, machine);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/** As if killed after step 8: what a checkpoint of then cannot know is gone. */
void forget_the_end(const TinyRun& run) {
  fs::remove_all(run.path() + "/adapter");
  for (const char* later : {"step-10", "step-12"}) fs::remove_all(run.path() + "/checkpoints/" + later);
}

void flip_byte(const TinyRun& run, const std::string& file) {
  std::string bytes = run.scratch().read(file);
  bytes[bytes.size() / 2] ^= 1;
  run.scratch().write(file, bytes);
}

}  // namespace

TEST_CASE("a run trains, evaluates, saves and says so") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  const auto events = run.events();
  CHECK(events[0]["type"] == "start");
  CHECK(events[0]["totalSteps"] == 12);
  CHECK(events[0]["threads"] == 2);
  CHECK(events[0]["device"] == "cpu");
  CHECK(events[0]["deviceName"] == cpu_name());
  CHECK(events[1]["type"] == "warning");
  CHECK(events[1]["code"] == "device-cpu");
  CHECK(events[2]["type"] == "plan");
  CHECK(events[2]["microBatch"] == 2);
  CHECK(events[3]["type"] == "eval");
  CHECK(events.back()["type"] == "done");
  CHECK(events.back()["reason"] == "finished");
  CHECK(run.events("step").size() == 12);
  std::vector<int> evaluated, saved;
  for (const Json& event : run.events("eval")) evaluated.push_back(event["step"]);
  for (const Json& event : run.events("checkpoint")) saved.push_back(event["step"]);
  CHECK(evaluated == std::vector<int>{0, 5, 10, 12});
  // By the interval, at the end, and where the held-out loss is the lowest so far.
  std::set<int> expected = {4, 8, 12};
  for (const Json& event : run.events("eval")) {
    if (event["best"] == true) expected.insert(event["step"].get<int>());
  }
  CHECK(expected.contains(5));
  CHECK(saved == std::vector<int>(expected.begin(), expected.end()));
  CHECK(events.back()["evalLossBefore"] == run.events("eval")[0]["loss"]);
  CHECK(events.back()["evalLossAfter"] == run.events("eval")[3]["loss"]);
  CHECK(run.events("step").back()["loss"] < run.events("step").front()["loss"]);
  // Finished is finished: another start writes the same adapter and trains nothing.
  const std::string adapter = run.adapter();
  REQUIRE(failure(run) == "");
  CHECK(run.events("step").size() == 12);
  CHECK(run.events("done").size() == 2);
  CHECK(run.adapter() == adapter);
}

TEST_CASE("a resumed run ends with the bytes of an uninterrupted one") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  const std::string adapter = run.adapter();
  const std::string done = run.events("done")[0]["evalLossAfter"].dump();
  forget_the_end(run);

  SUBCASE("from its newest checkpoint") {}
  SUBCASE("from an older one, where the newest is damaged") { flip_byte(run, "run/checkpoints/step-8/optimizer.safetensors"); }
  SUBCASE("from an older one, where the newest is not whole") { fs::remove(run.path() + "/checkpoints/step-8/state.json"); }
  SUBCASE("from the beginning, where none is left") { fs::remove_all(run.path() + "/checkpoints"); }
  SUBCASE("with another thread count asked for") { run.edit_spec([](Json& spec) { spec["threads"] = 1; }); }
  SUBCASE("with another recompute policy") {
    run.edit_spec([](Json& spec) { spec["training"]["recompute"] = "block"; });
  }
  SUBCASE("beside the rest of a killed write") {
    run.scratch().write("run/checkpoints/.step-9.tmp/state.json", "{");
    run.scratch().write("run/.adapter.tmp/adapter_config.json", "{");
  }
  REQUIRE(failure(run) == "");
  CHECK(run.adapter() == adapter);
  const Json second = run.events("start")[1];
  CHECK(second["attempt"] == 2);
  CHECK(second["threads"] == 2);
  CHECK(run.events("done")[1]["evalLossAfter"].dump() == done);
  CHECK(run.events("done")[1]["evalLossBefore"] == run.events("done")[0]["evalLossBefore"]);
  CHECK(run.events("done")[1]["tokens"] == run.events("done")[0]["tokens"]);
  for (const auto& entry : fs::directory_iterator(run.path() + "/checkpoints")) {
    CHECK(entry.path().filename().string().starts_with("step-"));
  }
  CHECK_FALSE(fs::exists(run.path() + "/.adapter.tmp"));
}

TEST_CASE("a skipped checkpoint is reported") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  forget_the_end(run);
  flip_byte(run, "run/checkpoints/step-8/adapter_model.safetensors");
  REQUIRE(failure(run) == "");
  CHECK(run.events("start")[1]["resumedFrom"] == 5);
  const auto warnings = run.warnings("checkpoint-skipped");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("step-8") != std::string::npos);
}

TEST_CASE("a run that has been changed is not resumed; the message says what changed") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  forget_the_end(run);
  const std::string before = run.scratch().read("run/checkpoints/step-8/state.json");
  std::string says;
  SUBCASE("setting") {
    run.edit_spec([](Json& spec) { spec["lora"]["rank"] = 8; });
    says = "lora.rank was 4 and is 8";
  }
  SUBCASE("several at once") {
    run.edit_spec([](Json& spec) {
      spec["optimizer"]["learningRate"] = 0.0005;
      spec["lora"]["alpha"] = 16;
    });
    fs::remove(run.path() + "/data/eval.tokens");
    fs::remove(run.path() + "/data/eval.documents");
    says = "lora.alpha was 8 and is 16, optimizer.learningRate was 0.01 and is 0.0005, data/eval.documents is gone";
  }
  SUBCASE("length") {
    run.edit_spec([](Json& spec) { spec["training"]["steps"] = 13; });
    says = "training.steps was 12 and is 13";
  }
  SUBCASE("data") {
    write_packed(run.scratch(), "eval", {{0, {1, 2, 3}, 1}}, "run/data/");
    says = "data/eval.documents has changed, data/eval.tokens has changed;";
  }
  SUBCASE("held-out data added or removed") {
    fs::remove(run.path() + "/data/eval.tokens");
    fs::remove(run.path() + "/data/eval.documents");
    says = "data/eval.documents is gone, data/eval.tokens is gone;";
  }
  SUBCASE("model") {
    flip_byte(run, "model/model.safetensors");
    says = "model's files";
  }
  const std::string message = failure(run);
  CAPTURE(message);
  CHECK(message.find(says) != std::string::npos);
  CHECK(run.events().back()["type"] == "error");
  CHECK(run.events().back()["message"] == message);
  CHECK(run.scratch().read("run/checkpoints/step-8/state.json") == before);
  CHECK_FALSE(fs::exists(run.path() + "/adapter"));
}

TEST_CASE("a state.json that contradicts its run is refused") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  forget_the_end(run);
  const std::pair<const char*, Json> cases[] = {{"position", 1}, {"position", 9007199254740992}, {"orderSeed", 8}};
  const Json good = Json::parse(run.scratch().read("run/checkpoints/step-8/state.json"));
  for (const auto& [field, value] : cases) {
    CAPTURE(field);
    Json json = good;
    json[field] = value;
    run.scratch().write("run/checkpoints/step-8/state.json", json.dump());
    CHECK(failure(run).find("step-8/state.json does not fit the run") != std::string::npos);
  }
}

TEST_CASE("a state.json with a field that is missing or wrong makes its checkpoint a skipped one") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  forget_the_end(run);
  const Json good = Json::parse(run.scratch().read("run/checkpoints/step-8/state.json"));
  for (const auto& [field, value] : good.items()) {
    if (field == "engine") continue;
    CAPTURE(field);
    for (const Json& wrong : {Json("x"), Json(-2), Json::array()}) {
      if (wrong.type() == value.type() && wrong.is_string()) continue;
      Json json = good;
      json[field] = wrong;
      run.scratch().write("run/checkpoints/step-8/state.json", json.dump());
      std::vector<std::string> warnings;
      const auto found = CheckpointStore(run.path()).newest(warnings);
      REQUIRE(found.has_value());
      CHECK(found->state.step == 5);
      CHECK(warnings.size() == 1);
    }
  }
}

TEST_CASE("evalEvery, checkpointEvery and keepCheckpoints may change") {
  const TinyRun run;
  REQUIRE(failure(run) == "");
  const std::string adapter = run.adapter();
  forget_the_end(run);
  run.edit_spec([](Json& spec) {
    spec["training"]["evalEvery"] = 0;
    spec["training"]["checkpointEvery"] = 1;
    spec["training"]["keepCheckpoints"] = 2;
  });
  REQUIRE(failure(run) == "");
  CHECK(run.adapter() == adapter);
  CHECK(fs::exists(run.path() + "/checkpoints/step-12"));
  CHECK(fs::exists(run.path() + "/checkpoints/step-11"));
  CHECK_FALSE(fs::exists(run.path() + "/checkpoints/step-9"));
  CHECK_FALSE(fs::exists(run.path() + "/checkpoints/step-4"));
}

TEST_CASE("a loss that is not finite ends the run and is never saved") {
  const TinyRun run;
  fs::remove(run.path() + "/data/eval.tokens");
  fs::remove(run.path() + "/data/eval.documents");
  {
    const TensorSource good = TensorSource::open_model(run.model());
    std::vector<std::vector<float>> values;
    std::vector<NamedTensor> tensors;
    values.reserve(good.all().size());
    for (const auto& [name, view] : good.all()) {
      values.emplace_back(static_cast<size_t>(view.count()));
      view.copy_to(values.back());
      if (name == "model.norm.weight") values.back()[0] = INFINITY;
      tensors.push_back({name, view.shape, values.back()});
    }
    write_safetensors(run.model() + "/model.safetensors", tensors, {});
  }
  CHECK(failure(run).find("The loss of step 1 is not a finite number") == 0);
  CHECK(run.events().back()["type"] == "error");
  CHECK(run.events().back()["code"] == "loss-not-finite");
  CHECK(run.events("step").empty());
  CHECK(fs::is_empty(run.path() + "/checkpoints"));
  CHECK_FALSE(fs::exists(run.path() + "/adapter"));
}

TEST_CASE("epochs may be fractional") {
  const TinyRun run([](Json& spec) {
    spec["training"]["steps"] = nullptr;
    spec["training"]["epochs"] = 1.4;  // 14 of 10 sequences, 3 a step
  });
  REQUIRE(failure(run) == "");
  CHECK(run.events("start")[0]["totalSteps"] == 5);
  CHECK(run.events("step").size() == 5);
}

TEST_CASE("killed at random moments, the run goes on from its last checkpoint and ends with the same bytes") {
  const auto longer = [](Json& spec) {
    spec["training"]["steps"] = 240;
    spec["training"]["checkpointEvery"] = 2;
    spec["training"]["evalEvery"] = 20;
    spec["training"]["earlyStopping"] = {{"patience", 100}, {"minDelta", 0}};
  };
  const TinyRun whole(longer), killed(longer);
  for (const TinyRun* run : {&whole, &killed}) {
    run->control(R"({"type":"learning-rate","attempt":1,"time":1,"learningRate":0.004})");
    run->scratch().write("run/samples.json", R"({"version":1,"prompts":[{"id":"a","ids":[1,2],"maxTokens":5}]})");
  }
  {
    EngineProcess engine({"train", "--run", whole.path()});
    REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
  }
  // As if it were the same place: the path of the model is in the adapter's configuration only.
  std::mt19937 random(5);
  fs::create_directories(killed.path() + "/checkpoints");
  int in_write = 0, kills = 0;
  for (; kills < 40 && (kills < 10 || in_write < 3); ++kills) {
    EngineProcess engine({"train", "--run", killed.path()});
    const size_t attempts = static_cast<size_t>(kills) + 1;
    wait_until([&] { return killed.events("start").size() == attempts || !engine.running(); });
    REQUIRE_MESSAGE(killed.events("start").size() == attempts, engine.err());
    const size_t steps_before = killed.events("step").size(), wanted = 1 + random() % 6;
    wait_until([&] { return killed.events("step").size() >= steps_before + wanted || !engine.running(); });
    if (kills % 2 == 1) {
      const int watch = inotify_init1(IN_CLOEXEC);
      REQUIRE(inotify_add_watch(watch, (killed.path() + "/checkpoints").c_str(), IN_CREATE) >= 0);
      char buffer[4096];
      REQUIRE(read(watch, buffer, sizeof buffer) > 0);
      close(watch);
      usleep(random() % 2000);
    } else {
      usleep(random() % 4000);
    }
    engine.signal(SIGKILL);
    REQUIRE(engine.wait() == -SIGKILL);
    for (const auto& entry : fs::directory_iterator(killed.path() + "/checkpoints")) {
      if (entry.path().filename().string().starts_with(".step-")) {
        ++in_write;
        break;
      }
    }
  }
  CAPTURE(kills);
  CHECK(in_write >= 3);
  {
    EngineProcess engine({"train", "--run", killed.path()});
    REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
  }
  CHECK(killed.adapter() == whole.adapter());
  CHECK(killed.events("done").back()["adapterStep"] == whole.events("done")[0]["adapterStep"]);
  CHECK(killed.events("step").back()["learningRate"] == whole.events("step").back()["learningRate"]);
  CHECK(killed.events("sample").back()["ids"] == whole.events("sample").back()["ids"]);
  for (const Json& event : whole.events("row-losses")) {
    const std::string file = "run/" + event["path"].get<std::string>();
    CHECK(killed.scratch().read(file) == whole.scratch().read(file));
  }
  int64_t last_saved = 0, attempt = 0;
  for (const Json& event : killed.events()) {
    if (event["type"] == "checkpoint") last_saved = event["step"];
    if (event["type"] != "start") continue;
    CHECK(event["attempt"] == ++attempt);
    // A kill between the rename and the event leaves a newer checkpoint than the events tell.
    CHECK(event["resumedFrom"] >= last_saved);
    CHECK(event["resumedFrom"] <= last_saved + 2);
    last_saved = event["resumedFrom"];  // known to be there, whether its event was written or not
  }
}
