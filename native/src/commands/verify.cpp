/** `tunesmith-engine verify`: computes a reference directory's figures again and says how far off each is. */
#include <omp.h>

#include <cmath>
#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/golden.h"
#include "commands/inference.h"
#include "commands/verification.h"
#include "error.h"
#include "io/json.h"

namespace tunesmith {

namespace {

void print(const Json& line) {
  std::printf("%s\n", line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

int run_verify(const std::vector<std::string>& arguments) {
  const Arguments asked(arguments, {"--model", "--reference", "--device", "--precision", "--threads"}, {});
  const std::string model = asked.required("--model"), reference = asked.required("--reference");
  const int threads = asked.number("--threads", 0, 1024).value_or(0);
  VerifyOptions options;
  options.threads = threads > 0 ? threads : omp_get_num_procs();
  options.cuda = cuda_options(asked);
  const LlamaConfig config = read_llama_config(model);
  const Golden golden = read_golden(reference, model);
  const TensorSource base = TensorSource::open_model(model);

  int figures = 0, exceeded = 0, unlimited = 0;
  double worst = 0;
  std::string worst_name;
  verify_reference(config, base, golden, options, [&](const Figure& figure) {
    ++figures;
    exceeded += !figure.passed();
    const bool limited = std::isfinite(figure.limit);
    unlimited += !limited;
    const double share = figure.limit > 0 ? figure.error / figure.limit : figure.error;
    if (!(share <= worst)) {
      worst = share;
      worst_name = figure.name;
    }
    const Json limit = limited ? Json(figure.limit) : Json(nullptr);
    print({{"figure", figure.name}, {"error", figure.error}, {"limit", limit}, {"passed", figure.passed()}});
  });
  if (figures == 0) {
    throw Error("reference-empty", reference + " holds nothing to compare with: reference.json has no base, greedy or "
                                               "lora figures.");
  }
  print({{"verdict", exceeded == 0 ? "passed" : "failed"},
         {"device", options.cuda ? "cuda" : "cpu"},
         {"precision", options.cuda && !options.cuda->float32 ? "bf16" : "float32"},
         {"figures", figures},
         {"exceeded", exceeded},
         {"without_limit", unlimited},
         {"closest_to_limit", worst_name},
         {"absent", golden.absent}});
  return exceeded == 0 ? 0 : 1;
}

}  // namespace tunesmith
