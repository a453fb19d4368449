#include <cstdio>
#include <exception>
#include <new>

#include "commands/blas_check.h"
#include "commands/commands.h"
#include "error.h"

namespace tunesmith {

namespace {

constexpr const char* kUsage =
    "Usage: tunesmith-engine COMMAND …\n"
    "  train --run DIR [--device auto|cpu|cuda] [--recompute none|gate-up|block] [--micro-batch N]\n"
    "      [--memory-budget BYTES] [--threads N]\n"
    "      start the run in DIR, or go on from its newest checkpoint; the options count in place of run.json's\n"
    "  plan --run DIR [--tokens N [--eval-tokens N] [--sequences N] [--document-tokens N]\n"
    "      [--targets N] [--answers N --answer-tokens N [--row-prompt N] [--row-answer N]]]\n"
    "      [--runs DIR] [--measure] [the options of train] [--json]\n"
    "      what the run would take in memory and time; --tokens where its data is not prepared yet, with --measure by\n"
    "      computing two steps\n"
    "  evaluate --model DIR [--adapter DIR] --data DIR --split train|eval [--device cpu|cuda] [--threads N]\n"
    "      [--per-document FILE] [--json]\n"
    "      mean loss on prepared data, and each document's\n"
    "  generate --model DIR [--adapter DIR [--base]] --prompts FILE [--device cpu|cuda] [--threads N]\n"
    "      greedy answers, token by token; --base: the base model's too\n"
    "  rows --run DIR --step N [--json]\n"
    "      the rows of the data set that a step of the run learns from\n"
    "  reference --model DIR [--adapter DIR] --prompts FILE --greedy N --out FILE [--device cpu|cuda]\n"
    "      [--threads N]\n"
    "      logits and greedy continuations of prompts, to compare an export with\n"
    "  verify --model DIR --reference DIR [--device cpu|cuda] [--precision float32|bf16] [--threads N]\n"
    "      recompute reference figures and compare\n"
    "  bench --shape llama-3.2-1b [--batch N] [--seq N] [--recompute none|gate-up|block|auto] [--base bf16|nf4]\n"
    "      [--loss all|response] [--docs LENGTHS.json] [--memory-budget-mib N] [--device cuda|cpu] [--json]\n"
    "      steps on random weights of a model's size, beside their floors\n"
    "  devices [--json]\n"
    "  schema [--json]\n"
    "  --version\n"
    "  --help\n";

struct Command {
  const char* name;
  int (*run)(const std::vector<std::string>&);
  bool computes;
};
constexpr Command kCommands[] = {
    {"train", run_train, true},     {"plan", run_plan, true},          {"evaluate", run_evaluate, true},
    {"generate", run_generate, true}, {"rows", run_rows, false},          {"reference", run_reference, true},
    {"verify", run_verify, true},   {"bench", run_bench, true},         {"devices", run_devices, false},
    {"schema", run_schema, false},
};

int dispatch(char** argv, const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError{"a command is needed"};
  const std::string& name = arguments.front();
  if (name == "--version") return std::printf("tunesmith-engine %s\n", TUNESMITH_VERSION) < 0;
  if (name == "--help" || name == "-h") return std::fputs(kUsage, stdout) < 0;
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    if (command.computes) ensure_correct_blas(argv);
    return command.run({arguments.begin() + 1, arguments.end()});
  }
  throw UsageError{"there is no command \"" + name + "\""};
}

int fail(const char* message) {
  std::fprintf(stderr, "tunesmith-engine: %s\n", message);
  return 1;
}

}  // namespace

int engine_main(int argc, char** argv) {
  try {
    const int code = dispatch(argv, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    if (std::fflush(stdout) != 0) return fail("Standard output cannot be written.");
    return code;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "tunesmith-engine: %s.\n%s", error.message.c_str(), kUsage);
    return 2;
  } catch (const Error& error) {
    return fail(error.what());
  } catch (const std::bad_alloc&) {
    return fail("There is not enough memory; close other programs or choose a smaller model.");
  } catch (const std::exception& error) {
    return fail((std::string("Internal error: ") + error.what()).c_str());
  }
}

}  // namespace tunesmith
