#include "commands/machine.h"

#include <map>

#include "cuda/nvml.h"

namespace tunesmith {

namespace {

Gpu described(const NvidiaGpu& found, const std::string& driver) {
  Gpu gpu;
  gpu.index = found.index;
  gpu.name = found.name;
  gpu.capability = std::to_string(found.capability / 10) + "." + std::to_string(found.capability % 10);
  gpu.driver = driver;
  gpu.memory_total = found.memory_total;
  gpu.memory_free = found.memory_free;
  gpu.peak_flops = nvidia_peak_flops(found);
  gpu.problem = found.problem;
  return gpu;
}

class NvidiaMachine final : public Machine {
 public:
  std::vector<Gpu> gpus() override {
    std::vector<Gpu> gpus;
    for (const NvidiaGpu& gpu : driver().gpus) gpus.push_back(described(gpu, driver().version));
    return gpus;
  }
  std::string no_gpu_problem() override { return driver().problem; }
  std::optional<GpuReading> read(const Gpu& gpu) override {
    std::unique_ptr<NvmlMonitor>& monitor = monitors_[gpu.index];
    if (monitor == nullptr) monitor = std::make_unique<NvmlMonitor>(bus_of(gpu.index));
    const std::optional<NvmlReading> reading = monitor->read();
    if (!reading) return std::nullopt;
    return GpuReading{reading->memory_used, reading->memory_total, reading->utilisation, reading->temperature,
                      reading->watts};
  }

 private:
  /** Asked once: the list does not change while a process lives. */
  const NvidiaDriver& driver() {
    if (!driver_) driver_ = find_nvidia_gpus();
    return *driver_;
  }
  std::string bus_of(int index) {
    for (const NvidiaGpu& gpu : driver().gpus) {
      if (gpu.index == index) return gpu.bus;
    }
    return "";
  }
  std::optional<NvidiaDriver> driver_;
  std::map<int, std::unique_ptr<NvmlMonitor>> monitors_;
};

}  // namespace

std::unique_ptr<Machine> this_machine() { return std::make_unique<NvidiaMachine>(); }

RunOverrides overrides_of(const Arguments& options) {
  RunOverrides overrides;
  overrides.threads = options.number("--threads", 1, 1024);
  if (const auto device = options.choice("--device", device_names())) {
    overrides.device = static_cast<RunSpec::Device>(*device);
  }
  if (const auto recompute = options.choice("--recompute", recompute_names())) {
    overrides.recompute = static_cast<Recompute>(*recompute);
  }
  overrides.micro_batch = options.whole("--micro-batch", 1, 4096);
  overrides.memory_budget = options.whole("--memory-budget", kLeastMemoryBudget, kMostMemoryBudget);
  return overrides;
}

}  // namespace tunesmith
