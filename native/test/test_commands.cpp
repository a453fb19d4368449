#include <doctest/doctest.h>
#include <signal.h>

#include <cmath>

#include "io/json.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

size_t lines(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

/** A run long enough that a test can step in. */
TinyRun endless() {
  return TinyRun([](Json& spec) {
    spec["training"]["steps"] = 1'000'000;
    spec["training"]["checkpointEvery"] = 0;
    spec["training"]["evalEvery"] = 0;
  });
}

std::string message(const char* type, int attempt) {
  return Json{{"type", type}, {"attempt", attempt}, {"time", 1}}.dump();
}

}  // namespace

TEST_CASE("wrong arguments give the usage and exit code 2") {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"dance"},
      {"train"},
      {"train", "--run"},
      {"train", "--run", ""},
      {"train", "--run", "/x", "--run", "/y"},
      {"train", "--run", "/x", "--speed", "9"},
      {"train", "--run", "/x", "--threads", "0"},
      {"train", "--run", "/x", "--threads", "two"},
      {"evaluate", "--model", "/x", "--data", "/y"},
      {"evaluate", "--model", "/x", "--data", "/y", "--split", "test"},
      {"reference", "--model", "/x", "--prompts", "/y", "--greedy", "-1", "--out", "/z"},
      {"rows", "--run", "/x"},
      {"rows", "--run", "/x", "--step", "0"},
      {"generate", "--model", "/x"},
      {"devices", "cpu"},
  };
  for (const auto& arguments : cases) {
    CAPTURE(arguments.size());
    EngineProcess engine(arguments);
    CHECK(engine.wait() == 2);
    CHECK(engine.out() == "");
    CHECK(engine.err().find("Usage: tunesmith-engine") != std::string::npos);
  }
}

TEST_CASE("--version, --help, devices and schema") {
  EngineProcess version({"--version"}), help({"--help"}), devices({"devices", "--json"}), schema({"schema", "--json"});
  CHECK(version.wait() == 0);
  CHECK(version.out() == "tunesmith-engine " TUNESMITH_VERSION "\n");
  CHECK(help.wait() == 0);
  CHECK(help.out().find("evaluate") != std::string::npos);
  CHECK(devices.wait() == 0);
  const Json cpu = Json::parse(devices.out())["devices"].back();
  CHECK(cpu["kind"] == "cpu");
  CHECK(cpu["cores"] >= 1);
  CHECK(cpu["memoryFree"] > 0);
  CHECK(schema.wait() == 0);
  CHECK(Json::parse(schema.out())["events"]["step"].size() == 7);
}

TEST_CASE("every failure is one sentence that names the file, and exit code 1") {
  const TinyRun run;
  const std::string data = run.path() + "/data";
  const auto fails = [&](const std::vector<std::string>& arguments, const std::string& says) {
    EngineProcess engine(arguments);
    const int code = engine.wait();
    const std::string error = engine.err();
    CAPTURE(error);
    CHECK(code == 1);
    CHECK(lines(error) == 1);
    CHECK(error.find(says) != std::string::npos);
  };
  fails({"train", "--run", "/nowhere"}, "/nowhere is not a run directory");
  fails({"evaluate", "--model", "/nowhere", "--data", data, "--split", "eval"}, "/nowhere/config.json");
  fails({"evaluate", "--model", run.model(), "--data", "/nowhere", "--split", "eval"}, "/nowhere/eval.tokens");
  fails({"evaluate", "--model", run.model(), "--adapter", "/nowhere", "--data", data, "--split", "eval"},
        "/nowhere/adapter_config.json");
  run.scratch().write("prompts.json", R"({"prompts":[[1],[64]]})");
  const std::string prompts = run.scratch().at("prompts.json"), out = run.scratch().at("out.json");
  fails({"reference", "--model", run.model(), "--prompts", prompts, "--greedy", "2", "--out", out}, "prompts.1");
  CHECK_FALSE(fs::exists(out));

  const std::string weights = run.scratch().read("model/model.safetensors");
  run.scratch().write("model/model.safetensors", weights.substr(0, weights.size() - 100));
  fails({"train", "--run", run.path()}, "model.safetensors is truncated");
  CHECK(run.events().back()["type"] == "error");
  CHECK(run.events().back()["code"] == "safetensors-truncated");
  run.scratch().write("model/model.safetensors", weights);

  run.edit_spec([](Json& spec) { spec["device"] = "cuda"; });
  fails({"train", "--run", run.path()}, "The device is to be \"cuda\", but ");
  run.edit_spec([](Json& spec) { spec["lora"].erase("rank"); });
  fails({"train", "--run", run.path()}, "run.json: lora.rank is missing.");
  run.scratch().write("run/run.json", "{");
  fails({"train", "--run", run.path()}, "run.json is not valid JSON");
  CHECK(run.events().back()["attempt"] == 4);
}

TEST_CASE("data of another vocabulary and data without rows are refused") {
  const TinyRun run;
  write_packed(run.scratch(), "train", {{0, {1, 64}, 1}}, "run/data/");
  EngineProcess vocabulary({"train", "--run", run.path()});
  CHECK(vocabulary.wait() == 1);
  CHECK(vocabulary.err().find("vocabulary has 64") != std::string::npos);
  write_packed(run.scratch(), "train", {}, "run/data/");
  EngineProcess empty({"train", "--run", run.path()});
  CHECK(empty.wait() == 1);
  CHECK(empty.err().find("nothing to train on") != std::string::npos);
}

TEST_CASE("evaluate gives the losses that the run itself reports, before and after") {
  const TinyRun run;
  EngineProcess engine({"train", "--run", run.path()});
  REQUIRE(engine.wait() == 0);
  const Json done = run.events("done")[0];
  EngineProcess before({"evaluate", "--model", run.model(), "--data", run.path() + "/data", "--split", "eval", "--json"});
  EngineProcess after({"evaluate", "--model", run.model(), "--adapter", run.path() + "/adapter", "--data",
                       run.path() + "/data", "--split", "eval", "--json", "--threads", "1"});
  REQUIRE_MESSAGE(before.wait() == 0, before.err());
  REQUIRE_MESSAGE(after.wait() == 0, after.err());
  const Json first = Json::parse(before.out()), second = Json::parse(after.out());
  CHECK(first["loss"].get<double>() == doctest::Approx(done["evalLossBefore"].get<double>()).epsilon(1e-6));
  CHECK(second["loss"].get<double>() == doctest::Approx(done["evalLossAfter"].get<double>()).epsilon(1e-6));
  CHECK(first["documents"] == 6);
  CHECK(first["targets"] == run.events("eval")[0]["targets"]);
}

TEST_CASE("reference gives the last position's logits and a continuation that end tokens do not cut") {
  const TinyRun run;
  run.scratch().write("prompts.json", R"({"prompts":[[1,2,3],[5]]})");
  const std::string out = run.scratch().at("out.json");
  EngineProcess engine(
      {"reference", "--model", run.model(), "--prompts", run.scratch().at("prompts.json"), "--greedy", "40", "--out", out});
  REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
  const Json reference = Json::parse(run.scratch().read("out.json"));
  REQUIRE(reference["prompts"].size() == 2);
  for (const Json& prompt : reference["prompts"]) {
    CHECK(prompt["greedy"].size() == 40);
    const auto logits = prompt["lastLogits"].get<std::vector<double>>();
    REQUIRE(logits.size() == 64);
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    CHECK(prompt["greedy"][0] == best);
  }
  CHECK(reference["prompts"][0]["ids"] == Json{1, 2, 3});
}

TEST_CASE("a second engine on the same run is refused") {
  const TinyRun run = endless();
  EngineProcess first({"train", "--run", run.path()});
  wait_until([&] { return !run.events("step").empty(); });
  EngineProcess second({"train", "--run", run.path()});
  CHECK(second.wait() == 1);
  CHECK(second.err().find("is being trained by another engine") != std::string::npos);
  CHECK(run.events("start").size() == 1);
  CHECK(run.events("error").empty());
  CHECK(first.running());
}

TEST_CASE("stop, by message or signal, keeps a checkpoint and an adapter") {
  for (const int number : {0, SIGTERM, SIGINT}) {
    CAPTURE(number);
    const TinyRun run = endless();
    EngineProcess engine({"train", "--run", run.path()});
    wait_until([&] { return run.events("step").size() > 3; });
    if (number == 0) {
      run.control(message("stop", 7));
      run.control(message("stop", 1));
    } else {
      engine.signal(number);
    }
    CHECK(engine.wait() == 0);
    const Json done = run.events().back();
    CHECK(done["type"] == "done");
    CHECK(done["reason"] == "stopped");
    CHECK(done["totalSteps"] == 1'000'000);
    CHECK(run.events("checkpoint").back()["step"] == done["step"]);
    CHECK(fs::exists(run.path() + "/checkpoints/step-" + done["step"].dump()));
    CHECK(run.adapter().size() > 1000);
    // The message was for the attempt that it stopped.
    EngineProcess again({"train", "--run", run.path()});
    wait_until([&] { return run.events("step").back()["step"] > done["step"]; });
    CHECK(run.events("start")[1]["resumedFrom"] == done["step"]);
  }
}

TEST_CASE("pause holds the run until it is resumed; checkpoint saves at once") {
  const TinyRun run = endless();
  EngineProcess engine({"train", "--run", run.path()});
  wait_until([&] { return !run.events("step").empty(); });
  run.control(message("pause", 1));
  wait_until([&] { return !run.events("paused").empty(); });
  const size_t steps = run.events("step").size();
  run.control(message("checkpoint", 1));
  wait_until([&] { return !run.events("checkpoint").empty(); });
  CHECK(run.events("checkpoint")[0]["step"] == steps);
  CHECK(run.events("step").size() == steps);
  run.control(message("resume", 1));
  wait_until([&] { return run.events("step").size() > steps; });
  CHECK(run.events("resumed")[0]["step"] == steps);
  run.control(message("pause", 1));
  wait_until([&] { return run.events("paused").size() == 2; });
  run.control(message("stop", 1));
  CHECK(engine.wait() == 0);
  CHECK(run.events().back()["reason"] == "stopped");
}

TEST_CASE("a pause is obeyed within an evaluation") {
  const TinyRun run, plain;
  run.control(message("pause", 1));
  EngineProcess engine({"train", "--run", run.path()});
  wait_until([&] { return !run.events("paused").empty(); });
  CHECK(run.events("eval").empty());
  run.control(message("resume", 1));
  CHECK(engine.wait() == 0);
  EngineProcess other({"train", "--run", plain.path()});
  CHECK(other.wait() == 0);
  CHECK(run.events("eval")[0]["loss"] == plain.events("eval")[0]["loss"]);
  CHECK(run.adapter() == plain.adapter());
}

TEST_CASE("where OpenBLAS's kernels do not work on this CPU, the engine starts once more with ones that do") {
  // Bulldozer's have instructions that CPUs after it lack: there the first attempt is killed by SIGILL.
  const TinyRun run, plain;
  EngineProcess engine({"train", "--run", run.path()}, {"OPENBLAS_CORETYPE=Bulldozer"});
  CHECK_MESSAGE(engine.wait() == 0, engine.err());
  EngineProcess other({"train", "--run", plain.path()});
  CHECK_MESSAGE(other.wait() == 0, other.err());
  CHECK(run.events("start").size() == 1);
  CHECK(run.events("done")[0]["evalLossAfter"].get<double>() ==
        doctest::Approx(plain.events("done")[0]["evalLossAfter"].get<double>()).epsilon(1e-4));
}
