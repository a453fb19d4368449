#include <cstdio>
#include <fstream>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "io/json.h"
#include "ops.h"
#include "run/memory_plan.h"
#include "run/training_run.h"

namespace tunesmith {

namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

}  // namespace

int run_devices(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {}, {"--json"});
  const DeviceMemoryInfo memory = open_cpu_device(1)->memory();
  const std::string name = cpu_name();
  if (options.flag("--json")) {
    const Json cpu = {{"kind", "cpu"},
                      {"name", name},
                      {"cores", usable_cores()},
                      {"memoryTotal", memory.total},
                      {"memoryFree", memory.available}};
    const Json json = {{"devices", {cpu}}, {"used", "cpu"}};
    std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::printf("cpu: %s, %d cores, %s of %s free (used)\n", name.c_str(), usable_cores(),
                shown_bytes(memory.available).c_str(), shown_bytes(memory.total).c_str());
  }
  return 0;
}

}  // namespace tunesmith
