#include <filesystem>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "error.h"
#include "run/training_run.h"

namespace tunesmith {

int run_train(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {"--run", "--threads"}, {});
  const std::string run = options.required("--run");
  const auto threads = options.number("--threads", 1, 1024);
  std::error_code error;
  const std::string folder = std::filesystem::absolute(run, error).lexically_normal().string();
  train(error ? run : folder, threads);
  return 0;
}

}  // namespace tunesmith
