#include <doctest/doctest.h>

#include <filesystem>

#include "error.h"
#include "model/generate.h"
#include "run/samples.h"
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

Json prompt(const std::string& id, const std::vector<int>& ids, int most) {
  return {{"id", id}, {"instruction", "Do it."}, {"text", "Do it."}, {"ids", ids}, {"maxTokens", most}};
}

void pin(const TinyRun& run, const Json& prompts) {
  run.scratch().write("run/samples.json", Json{{"version", 1}, {"prompts", prompts}}.dump());
}

/** "0 a base", "0 a", … */
std::vector<std::string> told(const std::vector<Json>& samples) {
  std::vector<std::string> lines;
  for (const Json& event : samples) {
    lines.push_back(event["step"].dump() + " " + event["prompt"].get<std::string>() + (event["base"] == true ? " base" : ""));
  }
  return lines;
}

std::unique_ptr<Trainer> trainer_of(const TinyRun& run) {
  TrainerOptions options;
  options.lora.rank = 2;
  options.max_tokens = options.max_targets = 8;
  return std::make_unique<Trainer>(open_cpu_device(1), read_llama_config(run.model()), TensorSource::open_model(run.model()),
                                   options);
}

}  // namespace

TEST_CASE("pinned prompts are answered at each evaluation, by the base model once") {
  const TinyRun run, plain;
  pin(run, {prompt("a", {1, 2, 3}, 6), prompt("b-2", {9}, 4)});
  REQUIRE(failure(run) == "");
  REQUIRE(failure(plain) == "");
  const auto samples = run.events("sample");
  CHECK(told(samples) == std::vector<std::string>{"0 a base", "0 a", "0 b-2 base", "0 b-2", "5 a", "5 b-2", "10 a", "10 b-2",
                                                  "12 a", "12 b-2"});
  CHECK(samples[0]["ids"] == samples[1]["ids"]);
  for (const Json& event : samples) {
    CHECK((event["ended"] == true || event["ids"].size() == (event["prompt"] == "a" ? 6 : 4)));
  }
  // The adapter as it stands answers: at the end, that of adapter/.
  run.scratch().write("prompts.jsonl", R"({"ids":[1,2,3],"maxTokens":6})");
  EngineProcess engine({"generate", "--model", run.model(), "--adapter", run.path() + "/adapter", "--base", "--prompts",
                        run.scratch().at("prompts.jsonl")});
  REQUIRE(engine.wait() == 0);
  std::vector<int32_t> base, tuned;
  std::istringstream lines(engine.out());
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    if (json["type"] == "token") (json["base"] == true ? base : tuned).push_back(json["id"]);
  }
  CHECK(samples[0]["ids"] == base);
  CHECK(samples[8]["ids"] == tuned);
  CHECK(run.adapter() == plain.adapter());
}

TEST_CASE("a resumed run knows whose base answers it has told; a prompt that has changed gets a new one") {
  const TinyRun run;
  pin(run, {prompt("a", {1, 2, 3}, 6), prompt("b", {9}, 4)});
  REQUIRE(failure(run) == "");
  const size_t before = run.events("sample").size();
  for (const char* later : {"step-10", "step-12"}) fs::remove_all(run.path() + "/checkpoints/" + later);
  pin(run, {prompt("a", {1, 2, 3}, 6), prompt("b", {10}, 4), prompt("c", {11}, 4)});
  REQUIRE(failure(run) == "");
  auto samples = run.events("sample");
  samples.erase(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(before));
  CHECK(told(samples) == std::vector<std::string>{"10 a", "10 b base", "10 b", "10 c base", "10 c", "12 a", "12 b", "12 c"});
}

TEST_CASE("what is wrong with samples.json is one warning and never the end of the run") {
  const std::string good = prompt("a", {1}, 2).dump();
  const auto with = [&](const Json& bad) { return R"({"version":1,"prompts":[)" + good + "," + bad.dump() + "]}"; };
  Json many = Json::array();
  for (int i = 0; i < 33; ++i) many.push_back(prompt("p" + std::to_string(i), {1}, 1));
  struct Case {
    std::string text, says;
    bool good_one_is_answered;
  };
  const Case cases[] = {
      {"", "is not valid JSON", false},
      {"[]", "must hold a JSON object", false},
      {"{}", "version is missing", false},
      {R"({"version":2,"prompts":[]})", "version", false},
      {R"({"version":1,"prompts":{}})", "prompts", false},
      {Json{{"version", 1}, {"prompts", many}}.dump(), "at most 32 prompts", false},
      {std::string(2 << 20, ' '), "bytes where at most 1048576", false},
      {with(7), "prompts.1 must be an object", true},
      {with(prompt("../x", {1}, 2)), "prompts.1.id must be up to 64 letters", true},
      {with(prompt(std::string(65, 'a'), {1}, 2)), "prompts.1.id", true},
      {with(prompt("a", {1}, 2)), "names the prompt a twice", true},
      {with(prompt("b", {64}, 2)), "prompts.1.ids must be token ids below 64", true},
      {with(prompt("b", {}, 2)), "prompts.1.ids must be a list of 1 to 127", true},
      {with(prompt("b", {1}, 128)), "prompts.1.maxTokens must be a whole number from 1 to 127", true},
      {with(prompt("b", {1}, 0)), "prompts.1.maxTokens", true},
      {with({{"id", "b"}, {"ids", {1, "x"}}, {"maxTokens", 2}}), "prompts.1.ids", true},
  };
  const TinyRun run;
  const LlamaConfig config = read_llama_config(run.model());
  for (const Case& item : cases) {
    CAPTURE(item.says);
    run.scratch().write("run/samples.json", item.text);
    const SampleFile samples = read_sample_file(run.path(), config);
    CAPTURE(samples.problem);
    CHECK(samples.problem.find(item.says) != std::string::npos);
    CHECK(samples.prompts.size() == (item.good_one_is_answered ? 1 : 0));
  }
  REQUIRE(failure(run) == "");
  CHECK(run.warnings("samples-invalid").size() == 1);
  CHECK(run.events("sample").size() == 5);
  fs::remove(run.path() + "/samples.json");
  fs::create_directory(run.path() + "/samples.json");
  CHECK(read_sample_file(run.path(), config).problem.find("samples.json") != std::string::npos);
}

TEST_CASE("a stop ends the answers at the next token") {
  const TinyRun run;
  pin(run, {prompt("a", {1, 2, 3}, 100), prompt("b", {9}, 100)});
  const LlamaConfig config = read_llama_config(run.model());
  const auto trainer = trainer_of(run);
  int asked = 0;
  size_t answers = 0;
  SampledBases bases;
  Sampler sampler(run.path(), config,
                  {[&](const SampleEvent&) { ++answers; }, [](const std::string&, const std::string&) {},
                   [&] { return ++asked == 3; }});
  sampler.answer(*trainer, 5, false, bases);
  CHECK(asked == 3);
  CHECK(answers == 0);
  CHECK(bases.empty());
}
