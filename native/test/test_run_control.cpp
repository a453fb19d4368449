#include <doctest/doctest.h>

#include <filesystem>

#include "error.h"
#include "io/document_losses.h"
#include "io/peft.h"
#include "run/early_stopping.h"
#include "run/row_losses.h"
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

std::string learning_rate(double rate, int attempt) {
  return Json{{"type", "learning-rate"}, {"attempt", attempt}, {"time", 1}, {"learningRate", rate}}.dump();
}

Json newest_state(const TinyRun& run, int64_t step) {
  return Json::parse(run.scratch().read("run/checkpoints/step-" + std::to_string(step) + "/state.json"));
}

void forget_after(const TinyRun& run, int64_t last) {
  fs::remove_all(run.path() + "/adapter");
  std::vector<fs::path> later;
  for (const auto& entry : fs::directory_iterator(run.path() + "/checkpoints")) {
    if (std::stoll(entry.path().filename().string().substr(5)) > last) later.push_back(entry.path());
  }
  for (const fs::path& path : later) fs::remove_all(path);
}

/** Training this fast makes the held-out loss rise after a while. */
void overfit(Json& spec) {
  spec["training"]["steps"] = 60;
  spec["training"]["evalEvery"] = 2;
  spec["training"]["earlyStopping"] = {{"patience", 4}, {"minDelta", 0}};
  spec["optimizer"]["learningRate"] = 0.02;
  spec["optimizer"]["schedule"] = "constant";
}

std::vector<DocumentLoss> losses_of(const TinyRun& run, int64_t pass) {
  return read_document_losses(run.path() + "/row-losses/pass-" + std::to_string(pass) + ".losses", 20);
}

}  // namespace

TEST_CASE("what was sent to an attempt that ended before its first event is not obeyed by the next one") {
  const TinyRun run;
  run.scratch().write("run/engine.lock", "{\"pid\":1,\"startTicks\":1,\"host\":\"x\",\"attempt\":1,\"heartbeat\":1}");
  run.control(Json{{"type", "stop"}, {"attempt", 1}, {"time", 1}}.dump());
  REQUIRE(failure(run) == "");
  REQUIRE(run.events("done").size() == 1);
  CHECK(run.events("done")[0]["reason"] == "finished");
  CHECK(run.events("done")[0]["attempt"] == 2);
}

TEST_CASE("a learning rate asked for in mid-run counts from the next step on, also after a resume") {
  const auto constant = [](Json& spec) {
    spec["optimizer"]["schedule"] = "constant";
    spec["optimizer"]["warmupSteps"] = 0;
  };
  const TinyRun run(constant), plain(constant);
  run.control(learning_rate(0.002, 1));
  REQUIRE(failure(run) == "");
  REQUIRE(failure(plain) == "");
  REQUIRE(run.events("learning-rate").size() == 1);
  CHECK(run.events("learning-rate")[0]["step"] == 0);
  CHECK(run.events("learning-rate")[0]["learningRate"] == 0.002);
  for (const Json& step : run.events("step")) CHECK(step["learningRate"] == 0.002);
  for (const Json& step : plain.events("step")) CHECK(step["learningRate"] == 0.01);
  // Saved at once: a kill must not lose what a person has asked for.
  CHECK(run.events("checkpoint")[0]["step"] == 0);
  const std::string adapter = run.adapter();
  CHECK(adapter != plain.adapter());
  CHECK(newest_state(run, 8)["learningRate"] == 0.002);
  CHECK(newest_state(plain, 8)["learningRate"].is_null());
  forget_after(run, 8);
  REQUIRE(failure(run) == "");
  CHECK(run.events("start")[1]["resumedFrom"] == 8);
  CHECK(run.events("step").back()["learningRate"] == 0.002);
  CHECK(run.adapter() == adapter);
}

TEST_CASE("schedule and warm-up apply to the learning rate that was asked for") {
  const TinyRun run, plain;
  run.control(learning_rate(0.002, 1));
  REQUIRE(failure(run) == "");
  REQUIRE(failure(plain) == "");
  const auto asked = run.events("step"), given = plain.events("step");
  REQUIRE(asked.size() == given.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    CHECK(asked[i]["learningRate"].get<double>() == doctest::Approx(given[i]["learningRate"].get<double>() / 5));
  }
}

TEST_CASE("patience counts evaluations that are not lower than the best by the least gain") {
  HeldOutProgress progress;
  CHECK(progress.add(5, 2.0, 0.1));
  CHECK(progress.without_gain == 0);
  CHECK(progress.add(10, 1.95, 0.1));  // the lowest, and yet no gain that counts
  CHECK(progress.without_gain == 1);
  CHECK_FALSE(progress.add(15, 1.95, 0.1));
  CHECK(progress.without_gain == 2);
  CHECK(progress.best_step == 10);
  CHECK_FALSE(out_of_patience(progress, EarlyStopping{3, 0.1}));
  CHECK(out_of_patience(progress, EarlyStopping{2, 0.1}));
  CHECK_FALSE(out_of_patience(progress, std::nullopt));
  CHECK(progress.add(20, 1.0, 0.1));
  CHECK(progress.without_gain == 0);
}

TEST_CASE("a run that learns no more ends early, with the adapter of its best checkpoint") {
  const TinyRun run(overfit);
  REQUIRE(failure(run) == "");
  const Json done = run.events().back();
  CHECK(done["reason"] == "finished");
  CHECK(done["early"] == true);
  CHECK(done["step"] < 60);
  const auto evals = run.events("eval");
  Json best = evals[1];
  for (size_t i = 1; i < evals.size(); ++i) {
    CHECK(evals[i]["best"] == (i == 1 || evals[i]["loss"] < best["loss"]));
    if (evals[i]["loss"] < best["loss"]) best = evals[i];
  }
  CHECK(evals[0]["best"] == false);
  CHECK(done["adapterStep"] == best["step"]);
  CHECK(done["evalLossAfter"] == best["loss"]);
  CHECK(done["step"].get<int>() == best["step"].get<int>() + 8);
  const std::string folder = "run/checkpoints/step-" + best["step"].dump();
  CHECK(run.adapter() == run.scratch().read(folder + "/adapter_model.safetensors"));
  for (const Json& event : run.events("checkpoint")) {
    const bool was_best = std::any_of(evals.begin(), evals.end(), [&](const Json& eval) {
      return eval["step"] == event["step"] && eval["best"] == true;
    });
    CHECK(event["best"] == was_best);
  }
  const std::string adapter = run.adapter();
  SUBCASE("another start ends at once, with the same") {
    const size_t steps = run.events("step").size();
    REQUIRE(failure(run) == "");
    CHECK(run.events("step").size() == steps);
    CHECK(run.events().back()["early"] == true);
    CHECK(run.events().back()["adapterStep"] == done["adapterStep"]);
    CHECK(run.adapter() == adapter);
  }
  SUBCASE("from an older checkpoint it ends at the same step with the same bytes") {
    forget_after(run, best["step"].get<int64_t>() + 2);
    REQUIRE(failure(run) == "");
    CHECK(run.events().back()["step"] == done["step"]);
    CHECK(run.events().back()["adapterStep"] == done["adapterStep"]);
    CHECK(run.adapter() == adapter);
  }
  SUBCASE("with more patience it goes on") {
    run.edit_spec([](Json& spec) { spec["training"]["earlyStopping"]["patience"] = 6; });
    REQUIRE(failure(run) == "");
    CHECK(run.events("step").back()["step"] > done["step"]);
  }
  SUBCASE("where the best checkpoint is gone, the last adapter is written, with a warning") {
    fs::remove_all(run.path() + "/" + folder.substr(4));
    REQUIRE(failure(run) == "");
    CHECK(run.warnings("best-missing").size() == 1);
    CHECK(run.events().back()["adapterStep"] == done["step"]);
    CHECK(run.events().back()["evalLossAfter"] == evals.back()["loss"]);
  }
}

TEST_CASE("the best checkpoint is kept beside the newest ones") {
  const TinyRun run([](Json& spec) {
    overfit(spec);
    spec["training"].erase("earlyStopping");
    spec["training"]["steps"] = 30;
    spec["training"]["checkpointEvery"] = 1;
    spec["training"]["keepCheckpoints"] = 2;
  });
  REQUIRE(failure(run) == "");
  int64_t best = 0;
  for (const Json& eval : run.events("eval")) {
    if (eval["best"] == true) best = eval["step"];
  }
  REQUIRE(best > 0);
  REQUIRE(best < 28);
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(run.path() + "/checkpoints")) left.insert(entry.path().filename());
  CHECK(left == std::set<std::string>{"step-" + std::to_string(best), "step-29", "step-30"});
  // Without early stopping the last adapter is the run's.
  CHECK(run.events().back()["adapterStep"] == 30);
  CHECK(run.adapter() == run.scratch().read("run/checkpoints/step-30/adapter_model.safetensors"));
}

TEST_CASE("early stopping that can never come is said") {
  const TinyRun run([](Json& spec) {
    spec["training"]["earlyStopping"] = {{"patience", 1}, {"minDelta", 0}};
    spec["training"]["evalEvery"] = 0;
  });
  REQUIRE(failure(run) == "");
  REQUIRE(run.warnings("early-stopping-off").size() == 1);
  CHECK(run.warnings("early-stopping-off")[0].find("training.evalEvery") != std::string::npos);
}

TEST_CASE("a child run starts from its parent's adapter") {
  const TinyRun parent;
  REQUIRE(failure(parent) == "");
  const std::string start = parent.path() + "/adapter";
  // The same seed draws the same data and base, so the held-out losses can be compared.
  const TinyRun child([&](Json& spec) { spec["model"]["adapter"] = start; });
  REQUIRE(failure(child) == "");
  CHECK(child.events("eval")[0]["loss"] == parent.events("done")[0]["evalLossAfter"]);
  CHECK(child.adapter() != parent.adapter());
  const Json state = newest_state(child, 8);
  CHECK(state["settings"]["model"]["adapter"] == start);
  CHECK(state["adapter"].get<std::string>().size() == 64);
  const std::string adapter = child.adapter();
  forget_after(child, 8);
  SUBCASE("it is resumed to the same bytes") {
    REQUIRE(failure(child) == "");
    CHECK(child.adapter() == adapter);
  }
  SUBCASE("also where the parent is gone") {
    fs::remove_all(start);
    REQUIRE(failure(child) == "");
    CHECK(child.adapter() == adapter);
  }
  SUBCASE("another start is refused") {
    std::string bytes = parent.adapter();
    bytes.back() ^= 1;
    parent.scratch().write("run/adapter/adapter_model.safetensors", bytes);
    CHECK(failure(child).find("the adapter that training started from has changed") != std::string::npos);
    CHECK(child.events().back()["code"] == "resume-model-changed");
  }
}

TEST_CASE("an adapter of another shape is no start") {
  const TinyRun parent;
  REQUIRE(failure(parent) == "");
  const std::string start = parent.path() + "/adapter";
  const auto refused = [&](const std::function<void(Json&)>& change) {
    const TinyRun child([&](Json& spec) {
      spec["model"]["adapter"] = start;
      change(spec);
    });
    return failure(child);
  };
  CHECK(refused([](Json& spec) { spec["lora"]["rank"] = 8; }) ==
        "The adapter in " + start + " has lora.rank 4 where run.json says 8; choose the same, or start without it.");
  CHECK(refused([](Json& spec) { spec["lora"]["targets"] = {"q_proj", "v_proj"}; }).find("run.json says q_proj, v_proj;") !=
        std::string::npos);
  CHECK(refused([](Json& spec) { spec["lora"]["alpha"] = 16; }).find("has lora.alpha 8") != std::string::npos);
  CHECK(refused([](Json& spec) { spec["model"]["adapter"] = "/nowhere"; }).find("/nowhere/adapter_config.json") !=
        std::string::npos);
}

TEST_CASE("what each row costs is written after each pass, and at the end as far as it has come") {
  const TinyRun run;  // 10 sequences of two documents, 3 a step, 12 steps: three passes and six sequences
  REQUIRE(failure(run) == "");
  std::vector<std::pair<int, int>> told;
  for (const Json& event : run.events("row-losses")) {
    told.emplace_back(event["step"], event["pass"]);
    CHECK(event["path"] == "row-losses/pass-" + event["pass"].dump() + ".losses");
  }
  CHECK(told == std::vector<std::pair<int, int>>{{4, 1}, {7, 2}, {10, 3}, {12, 4}});
  // A step's loss is the mean over its targets, so the documents that it met give it.
  const auto steps = run.events("step");
  const auto first = losses_of(run, 1);
  for (int step = 1; step <= 3; ++step) {
    double sum = 0;
    uint32_t targets = 0;
    for (const DocumentLoss& loss : first) {
      if (loss.step != static_cast<uint32_t>(step)) continue;
      sum += static_cast<double>(loss.mean) * loss.targets;
      targets += loss.targets;
    }
    CHECK(targets == steps[static_cast<size_t>(step) - 1]["targets"]);
    CHECK(sum / targets == doctest::Approx(steps[static_cast<size_t>(step) - 1]["loss"].get<double>()).epsilon(1e-5));
  }
  for (const DocumentLoss& loss : first) CHECK(loss.step >= 1);
  const auto last = losses_of(run, 4);
  CHECK(std::count_if(last.begin(), last.end(), [](const DocumentLoss& loss) { return loss.step > 0; }) == 12);
  CHECK(std::count_if(last.begin(), last.end(), [](const DocumentLoss& loss) { return std::isnan(loss.mean); }) == 8);

  // A resume loses nothing, and what lies after it has become void.
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::directory_iterator(run.path() + "/row-losses")) {
    before[entry.path().filename()] = run.scratch().read("run/row-losses/" + entry.path().filename().string());
  }
  for (const int64_t from : {8, 5, 4}) {
    CAPTURE(from);
    forget_after(run, from);
    run.scratch().write("run/row-losses/pass-9.losses", "void");
    REQUIRE(failure(run) == "");
    CHECK(run.events("start").back()["resumedFrom"] == from);
    std::map<std::string, std::string> after;
    for (const auto& entry : fs::directory_iterator(run.path() + "/row-losses")) {
      after[entry.path().filename()] = run.scratch().read("run/row-losses/" + entry.path().filename().string());
    }
    CHECK(after == before);
  }
}

TEST_CASE("row losses that cannot be written are a warning, and nothing is written through a link") {
  const TinyRun run;
  const Scratch elsewhere;
  fs::create_directory_symlink(elsewhere.path(), run.path() + "/row-losses");
  elsewhere.write("pass-1.losses", "mine");
  REQUIRE(failure(run) == "");
  CHECK(run.warnings("row-losses-failed").size() == 1);
  CHECK(elsewhere.read("pass-1.losses") == "mine");
  CHECK(run.events().back()["type"] == "done");
}

TEST_CASE("the latest pass that met a row tells what it cost") {
  const Scratch scratch;
  const DocumentLoss none;
  fs::create_directories(scratch.at("row-losses"));
  write_document_losses(scratch.at("row-losses/pass-2.losses"), std::vector<DocumentLoss>{{2.5f, 3, 4}, {1.5f, 4, 4}, none});
  write_document_losses(scratch.at("row-losses/pass-10.losses"), std::vector<DocumentLoss>{{0.5f, 30, 4}, none, none});
  scratch.write("row-losses/pass-11.losses", "TSLOSSES, damaged");
  scratch.write("row-losses/pass-x.losses", "");
  const auto found = latest_row_losses(scratch.path(), 3, {0, 1, 2});
  REQUIRE(found.size() == 3);
  CHECK(found[0]->mean == 0.5f);
  CHECK(found[1]->mean == 1.5f);
  CHECK_FALSE(found[2].has_value());
  CHECK_THROWS_WITH_AS(read_document_losses(scratch.at("row-losses/pass-2.losses"), 4),
                       doctest::Contains("of 3 documents where there are 4"), Error);
}
