#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "commands/machine.h"
#include "io/json.h"
#include "run/memory_plan.h"
#include "run/training_run.h"

namespace tunesmith {

namespace {

/** Why runs compute where they do. */
std::string reason(const ChosenDevice& chosen) {
  return chosen.gpu ? "It is the first GPU that can be used." : as_sentence(chosen.problem);
}

Json to_json(const Gpu& gpu) {
  Json json = {{"kind", "cuda"},
               {"index", gpu.index},
               {"name", gpu.name},
               {"capability", gpu.capability},
               {"driver", gpu.driver},
               {"memoryTotal", gpu.memory_total},
               {"memoryFree", gpu.memory_free ? Json(*gpu.memory_free) : Json(nullptr)},
               {"usable", gpu.problem.empty()}};
  if (!gpu.problem.empty()) json["why"] = as_sentence(gpu.problem);
  return json;
}

void print(const Gpu& gpu) {
  const std::string free = gpu.memory_free ? shown_bytes(*gpu.memory_free) + " of " : "";
  std::printf("cuda:%d: %s, compute capability %s, driver %s, %s%s%s\n", gpu.index, gpu.name.c_str(),
              gpu.capability.c_str(), gpu.driver.c_str(), free.c_str(), shown_bytes(gpu.memory_total).c_str(),
              gpu.memory_free ? " free" : "");
  if (!gpu.problem.empty()) std::printf("  cannot be used: %s\n", gpu.problem.c_str());
}

}  // namespace

int run_devices(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {}, {"--json"});
  const std::unique_ptr<Machine> machine = this_machine();
  const std::vector<Gpu> gpus = machine->gpus();
  const ChosenDevice chosen = choose_device(*machine, RunSpec::Device::automatic);
  const DeviceMemoryInfo memory = machine->open_cpu(1)->memory();
  const std::string name = cpu_name();
  if (options.flag("--json")) {
    Json devices = Json::array();
    for (const Gpu& gpu : gpus) devices.push_back(to_json(gpu));
    devices.push_back({{"kind", "cpu"},
                       {"name", name},
                       {"cores", usable_cores()},
                       {"memoryTotal", memory.total},
                       {"memoryFree", memory.available},
                       {"usable", true}});
    const Json json = {{"devices", devices}, {"used", chosen.id()}, {"why", reason(chosen)}};
    std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    for (const Gpu& gpu : gpus) print(gpu);
    std::printf("cpu: %s, %d cores, %s of %s free\n", name.c_str(), usable_cores(), shown_bytes(memory.available).c_str(),
                shown_bytes(memory.total).c_str());
    std::printf("used: %s. %s\n", chosen.id().c_str(), reason(chosen).c_str());
  }
  return 0;
}

}  // namespace tunesmith
