#include <filesystem>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/machine.h"
#include "error.h"
#include "run/training_run.h"

namespace tunesmith {

int run_train(const std::vector<std::string>& arguments) {
  std::vector<std::string> names = kOverrideOptions;
  names.push_back("--run");
  const Arguments options(arguments, names, {});
  const std::string run = options.required("--run");
  const RunOverrides overrides = overrides_of(options);
  std::error_code error;
  const std::string folder = std::filesystem::absolute(run, error).lexically_normal().string();
  const std::unique_ptr<Machine> machine = this_machine();
  train(error ? run : folder, overrides, *machine);
  return 0;
}

}  // namespace tunesmith
