/** `tunesmith-engine verify`: computes a reference directory's figures again and says how far off each is. */
#include <omp.h>

#include <cmath>
#include <cstdio>

#include "commands/commands.h"
#include "commands/golden.h"
#include "commands/verification.h"
#include "error.h"
#include "io/json.h"

namespace tunesmith {

namespace {

struct Arguments {
  std::string model, reference;
  int threads = 0;
};

Arguments parse(const std::vector<std::string>& arguments) {
  Arguments out;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (i + 1 == arguments.size()) throw UsageError{"verify: " + name + " needs a value"};
    const std::string& value = arguments[i + 1];
    if (name == "--model") {
      out.model = value;
    } else if (name == "--reference") {
      out.reference = value;
    } else if (name == "--device") {
      if (value != "cpu") throw UsageError{"verify: the device must be cpu, not " + value};
    } else if (name == "--threads") {
      char* end = nullptr;
      const long number = std::strtol(value.c_str(), &end, 10);
      if (value.empty() || *end != '\0' || number < 0 || number > 1024) {
        throw UsageError{"verify: --threads must be a number from 0 (all cores) to 1024, not " + value};
      }
      out.threads = static_cast<int>(number);
    } else {
      throw UsageError{"verify: there is no option " + name};
    }
  }
  if (out.model.empty()) throw UsageError{"verify: --model DIR is needed"};
  if (out.reference.empty()) throw UsageError{"verify: --reference DIR is needed"};
  return out;
}

void print(const Json& line) {
  std::printf("%s\n", line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

int run_verify(const std::vector<std::string>& arguments) {
  const Arguments asked = parse(arguments);
  const LlamaConfig config = read_llama_config(asked.model);
  const Golden golden = read_golden(asked.reference, asked.model);
  const TensorSource base = TensorSource::open_model(asked.model);
  VerifyOptions options;
  options.threads = asked.threads > 0 ? asked.threads : omp_get_num_procs();

  int figures = 0, exceeded = 0;
  double worst = 0;
  std::string worst_name;
  verify_reference(config, base, golden, options, [&](const Figure& figure) {
    ++figures;
    exceeded += !figure.passed();
    const double share = figure.limit > 0 ? figure.error / figure.limit : figure.error;
    if (!(share <= worst)) {
      worst = share;
      worst_name = figure.name;
    }
    print({{"figure", figure.name}, {"error", figure.error}, {"limit", figure.limit}, {"passed", figure.passed()}});
  });
  if (figures == 0) {
    throw Error("reference-empty", asked.reference + " holds nothing to compare with: reference.json has no base, "
                                                     "greedy or lora figures.");
  }
  print({{"verdict", exceeded == 0 ? "passed" : "failed"},
         {"figures", figures},
         {"exceeded", exceeded},
         {"closest_to_limit", worst_name},
         {"absent", golden.absent}});
  return exceeded == 0 ? 0 : 1;
}

}  // namespace tunesmith
