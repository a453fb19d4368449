#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "io/document_losses.h"
#include "io/json.h"
#include "tiny_run.h"

using namespace tunesmith;
namespace fs = std::filesystem;

namespace {

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  size_t start = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    lines.push_back(Json::parse(text.substr(start, end - start)));
    start = end + 1;
  }
  return lines;
}

/** The ids of one answer. */
std::vector<int32_t> answer_of(const std::vector<Json>& lines, int prompt, bool base) {
  std::vector<int32_t> ids;
  for (const Json& line : lines) {
    if (line["type"] == "token" && line["prompt"] == prompt && line["base"] == base) ids.push_back(line["id"]);
  }
  return ids;
}

void train_it(const TinyRun& run) {
  EngineProcess engine({"train", "--run", run.path()});
  REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
}

Json rows_of(const TinyRun& run, int64_t step) {
  EngineProcess engine({"rows", "--run", run.path(), "--step", std::to_string(step), "--json"});
  REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
  return Json::parse(engine.out());
}

}  // namespace

TEST_CASE("generate answers each prompt, the base model first, and says how the answer ended") {
  const TinyRun run;
  train_it(run);
  run.scratch().write("prompts.jsonl", "{\"ids\":[1,2,3],\"maxTokens\":12}\n\n{\"ids\":[9],\"maxTokens\":5}");
  const std::string prompts = run.scratch().at("prompts.jsonl"), adapter = run.path() + "/adapter";
  EngineProcess both({"generate", "--model", run.model(), "--adapter", adapter, "--base", "--prompts", prompts});
  EngineProcess base({"generate", "--model", run.model(), "--prompts", prompts, "--threads", "1"});
  EngineProcess tuned({"generate", "--model", run.model(), "--adapter", adapter, "--prompts", prompts});
  REQUIRE_MESSAGE(both.wait() == 0, both.err());
  REQUIRE_MESSAGE(base.wait() == 0, base.err());
  REQUIRE_MESSAGE(tuned.wait() == 0, tuned.err());
  const auto of_both = lines_of(both.out()), of_base = lines_of(base.out()), of_tuned = lines_of(tuned.out());
  std::vector<std::pair<int, bool>> ends;
  for (const Json& line : of_both) {
    if (line["type"] != "end") continue;
    const int prompt = line["prompt"];
    ends.emplace_back(prompt, line["base"]);
    const auto ids = answer_of(of_both, prompt, line["base"]);
    CHECK(line["seconds"] >= 0);
    CHECK((line["ended"] == true || ids.size() == (prompt == 0 ? 12 : 5)));
    // The end token ends the answer and is no part of it.
    CHECK(std::find(ids.begin(), ids.end(), 63) == ids.end());
  }
  CHECK(ends == std::vector<std::pair<int, bool>>{{0, true}, {0, false}, {1, true}, {1, false}});
  for (const int prompt : {0, 1}) {
    CHECK(answer_of(of_both, prompt, true) == answer_of(of_base, prompt, true));
    CHECK(answer_of(of_both, prompt, false) == answer_of(of_tuned, prompt, false));
  }
  CHECK(answer_of(of_base, 0, false).empty());
  CHECK(answer_of(of_both, 0, true) != answer_of(of_both, 0, false));
}

TEST_CASE("prompts that the model cannot take are named by their line") {
  const TinyRun run;
  const std::pair<const char*, const char*> cases[] = {
      {"{\"ids\":[1],\"maxTokens\":2}\n{\"ids\":[64],\"maxTokens\":2}", "line 2: ids must be token ids below 64"},
      {"{\"ids\":[],\"maxTokens\":2}", "line 1: ids must be a list of 1 to 127"},
      {"{\"ids\":[1,2],\"maxTokens\":127}", "maxTokens must be a whole number from 1 to 126"},
      {"{\"ids\":[1]}", "maxTokens is missing"},
      {"{\"ids\":[-1],\"maxTokens\":2}", "token ids below 64"},
      {"{\"ids\":[1],\"maxTokens\":2,\"temperature\":1}", "temperature is not a field"},
      {"nonsense", "line 1 is not valid JSON"},
      {"\n \n", "holds no prompt"},
  };
  for (const auto& [text, says] : cases) {
    CAPTURE(text);
    run.scratch().write("prompts.jsonl", text);
    EngineProcess engine({"generate", "--model", run.model(), "--prompts", run.scratch().at("prompts.jsonl")});
    CHECK(engine.wait() == 1);
    CAPTURE(engine.err());
    CHECK(engine.err().find(says) != std::string::npos);
    CHECK(engine.out() == "");
  }
}

TEST_CASE("rows names what each step learns from: every sequence once a pass") {
  const TinyRun run;
  std::multiset<int> seen;
  size_t documents = 0;
  for (int step = 1; step <= 3; ++step) {  // 9 of the 10 sequences of the first pass
    const Json rows = rows_of(run, step);
    CHECK(rows["step"] == step);
    CHECK(rows["rows"].size() == 6);
    for (const Json& row : rows["rows"]) {
      ++documents;
      seen.insert(row["row"].get<int>());
      CHECK(row["source"] == 0);
      CHECK(row["tokens"] >= 4);
      CHECK(row["targets"] < row["tokens"]);
      CHECK(row["loss"].is_null());
    }
  }
  CHECK(std::set<int>(seen.begin(), seen.end()).size() == documents);
  // Once the run is through, each row comes with what it cost when a pass last met it.
  train_it(run);
  const auto losses = read_document_losses(run.path() + "/row-losses/pass-3.losses", 20);
  const Json last = rows_of(run, 10);  // the end of pass 3 and the beginning of pass 4
  CHECK(std::any_of(last["rows"].begin(), last["rows"].end(), [&](const Json& row) {
    return row["loss"] == losses[row["row"].get<size_t>() - 1].mean;
  }));
  for (const Json& row : last["rows"]) CHECK(row["loss"] > 0);
  EngineProcess beyond({"rows", "--run", run.path(), "--step", "13", "--json"});
  CHECK(beyond.wait() == 1);
  CHECK(beyond.err().find("has 12 steps, so there is no step 13") != std::string::npos);
}

TEST_CASE("evaluate writes what each document costs") {
  const TinyRun run;
  const std::string file = run.scratch().at("eval.losses");
  EngineProcess engine({"evaluate", "--model", run.model(), "--data", run.path() + "/data", "--split", "eval", "--json",
                        "--per-document", file});
  REQUIRE_MESSAGE(engine.wait() == 0, engine.err());
  const Json whole = Json::parse(engine.out());
  const auto losses = read_document_losses(file, 6);
  double sum = 0;
  int64_t targets = 0;
  for (const DocumentLoss& loss : losses) {
    CHECK(loss.step == 0);
    sum += static_cast<double>(loss.mean) * loss.targets;
    targets += loss.targets;
  }
  CHECK(targets == whole["targets"]);
  CHECK(sum / static_cast<double>(targets) == doctest::Approx(whole["loss"].get<double>()).epsilon(1e-6));
}
