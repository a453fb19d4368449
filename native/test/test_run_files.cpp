#include <doctest/doctest.h>
#include <unistd.h>

#include <limits>

#include "error.h"
#include "io/json.h"
#include "run/control.h"
#include "run/events.h"
#include "run/run_lock.h"
#include "scratch.h"
#include "tiny_run.h"

using namespace tunesmith;

namespace {

std::string control_line(const char* type, int attempt) {
  return Json{{"type", type}, {"attempt", attempt}, {"time", 1}}.dump() + "\n";
}

}  // namespace

TEST_CASE("control messages are read as they come, each once") {
  const Scratch scratch;
  ControlReader reader(scratch.at("control.jsonl"), 2);
  CHECK(reader.read().messages.empty());
  const std::string stop = control_line("stop", 2);
  std::string text = control_line("pause", 1) + control_line("pause", 2) + stop.substr(0, 10);
  scratch.write("control.jsonl", text);
  CHECK(reader.read().messages == std::vector<ControlMessage>{{ControlType::pause}});
  CHECK(reader.read().messages.empty());
  text += stop.substr(10) + control_line("resume", 2) + control_line("checkpoint", 2) + control_line("stop", 3);
  scratch.write("control.jsonl", text);
  const std::vector<ControlMessage> asked = {{ControlType::stop}, {ControlType::resume}, {ControlType::checkpoint}};
  CHECK(reader.read().messages == asked);
  CHECK(reader.read().messages.empty());
}

TEST_CASE("lines that are no control messages are reported and passed over") {
  const Scratch scratch;
  ControlReader reader(scratch.at("control.jsonl"), 1);
  const char* lines[] = {"not JSON", "[]", "{}", R"({"type":"stop"})", R"({"type":7,"attempt":1})",
                         R"({"type":"stop","attempt":"1"})", R"({"type":"explode","attempt":1})", "\xff\xfe"};
  std::string text;
  for (const char* line : lines) text += std::string(line) + "\n";
  scratch.write("control.jsonl", text + "\n  \n" + std::string(200'000, 'x') + "\n" + control_line("stop", 1));
  const auto result = reader.read();
  CHECK(result.messages == std::vector<ControlMessage>{{ControlType::stop}});
  REQUIRE(result.problems.size() == std::size(lines) + 1);
  CHECK(result.problems[1].find("control.jsonl, line 2") != std::string::npos);
  CHECK(result.problems[6].find("explode") != std::string::npos);
}

TEST_CASE("a learning rate that is asked for must be one") {
  const Scratch scratch;
  ControlReader reader(scratch.at("control.jsonl"), 1);
  const auto line = [](const std::string& rate) {
    return R"({"type":"learning-rate","attempt":1,"time":1,"learningRate":)" + rate + "}\n";
  };
  scratch.write("control.jsonl", line("0.0001") + line("2") + line("1e-9") + line("\"0.1\"") + line("null") +
                                     control_line("learning-rate", 1) + line("1"));
  const auto result = reader.read();
  const std::vector<ControlMessage> asked = {{ControlType::learning_rate, 0.0001}, {ControlType::learning_rate, 1}};
  CHECK(result.messages == asked);
  REQUIRE(result.problems.size() == 5);
  CHECK(result.problems[0].find("control.jsonl, line 2: learningRate must be a number from ") != std::string::npos);
}

TEST_CASE("a control file that is replaced is read from its start") {
  const Scratch scratch;
  ControlReader reader(scratch.at("control.jsonl"), 1);
  scratch.write("control.jsonl", control_line("pause", 1) + control_line("resume", 1));
  CHECK(reader.read().messages.size() == 2);
  scratch.write("control.jsonl", control_line("stop", 1));
  CHECK(reader.read().messages == std::vector<ControlMessage>{{ControlType::stop}});
}

TEST_CASE("events are lines with a head, and attempts count up") {
  const Scratch scratch;
  const std::string path = scratch.at("events.jsonl");
  {
    EventLog log(path);
    CHECK(log.attempt() == 1);
    log.write(StepEvent{3, 1.25, 0.001, 0.5, 100, 50, 0.1});
    log.write(DoneEvent{"stopped", 3, 10, std::nullopt, 1.5, 100, 0.1});
  }
  EventLog log(path);
  CHECK(log.attempt() == 2);
  log.write(WarningEvent{"x", "not UTF-8: \xff"});
  const std::string text = scratch.read("events.jsonl");
  const Json step = Json::parse(text.substr(0, text.find('\n')));
  CHECK(step["type"] == "step");
  CHECK(step["attempt"] == 1);
  CHECK(step["time"] > 1'700'000'000'000);
  CHECK(step["loss"] == 1.25);
  CHECK(step["learningRate"] == 0.001);
  CHECK(text.find("\"evalLossBefore\":null,\"evalLossAfter\":1.5") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(log.write(EvalEvent{1, bad, 1}), Error);
  }
  CHECK(scratch.read("events.jsonl") == text);
}

TEST_CASE("a last line that a killed engine left unfinished is repaired") {
  const Scratch scratch;
  const std::string path = scratch.at("events.jsonl");
  { EventLog(path).write(WarningEvent{"a", "b"}); }
  const std::string whole = scratch.read("events.jsonl");
  std::string line = whole.substr(0, whole.size() - 1);
  line.replace(line.find("\"attempt\":1"), 11, "\"attempt\":4");
  SUBCASE("torn: cut off") {
    for (size_t cut = 1; cut < line.size(); cut += 7) {
      CAPTURE(cut);
      scratch.write("events.jsonl", whole + line.substr(0, cut));
      CHECK(EventLog(path).attempt() == 2);
      CHECK(scratch.read("events.jsonl") == whole);
    }
  }
  SUBCASE("only the newline is missing: added") {
    scratch.write("events.jsonl", whole + line);
    CHECK(EventLog(path).attempt() == 5);
    CHECK(scratch.read("events.jsonl") == whole + line + "\n");
  }
  SUBCASE("lines in between that are no events do not matter") {
    scratch.write("events.jsonl", "garbage\n[]\n{\"attempt\":-1}\n{\"attempt\":1e300}\n\n" + whole);
    CHECK(EventLog(path).attempt() == 2);
  }
}

TEST_CASE("one engine a run directory") {
  const Scratch scratch;
  {
    RunLock lock(scratch.path());
    lock.start_heartbeat(3);
    const Json content = Json::parse(scratch.read("engine.lock"));
    CHECK(content["pid"] == getpid());
    CHECK(content["attempt"] == 3);
    CHECK(content["heartbeat"] > 1'700'000'000'000);
    CHECK(content["host"] != "");
    std::string stat = "";
    std::getline(std::ifstream("/proc/self/stat") >> std::ws, stat);
    const std::string ticks = content["startTicks"].dump();
    CHECK(stat.find(" " + ticks + " ") != std::string::npos);
    const std::string expected =
        scratch.path() + " is being trained by another engine (process " + std::to_string(getpid());
    CHECK_THROWS_WITH_AS(RunLock(scratch.path()), doctest::Contains(expected.c_str()), Error);
  }
  // Released with its holder; the file stays.
  RunLock again(scratch.path());
  CHECK(again.last_attempt() == 3);
  CHECK(EventLog(scratch.at("events.jsonl"), again.last_attempt()).attempt() == 4);
}

TEST_CASE("the lock's file may hold anything") {
  const Scratch scratch;
  for (const char* content : {"", "{", "[]", "{\"pid\":{},\"host\":[]}", "{\"attempt\":-1}", "{\"attempt\":1e300}"}) {
    scratch.write("engine.lock", content);
    const RunLock lock(scratch.path());
    CHECK(lock.last_attempt() == 0);
    scratch.write("engine.lock", content);
    CHECK_THROWS_WITH_AS(RunLock(scratch.path()), doctest::Contains("is being trained by another engine"), Error);
  }
}
