#include "run/machine.h"

#include <fstream>

#include "error.h"

namespace tunesmith {

namespace {

/** A sentence as part of another: its full stop goes. */
std::string as_clause(std::string sentence) {
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

}  // namespace

std::string ChosenDevice::name() const { return gpu ? gpu->name : cpu_name(); }

ChosenDevice choose_device(Machine& machine, RunSpec::Device choice) {
  ChosenDevice chosen;
  if (choice == RunSpec::Device::cpu) return chosen;
  const std::vector<Gpu> gpus = machine.gpus();
  for (const Gpu& gpu : gpus) {
    if (gpu.problem.empty()) {
      chosen.gpu = gpu;
      return chosen;
    }
  }
  chosen.problem = gpus.empty() ? machine.no_gpu_problem()
                                : "the " + gpus.front().name + " cannot be used: " + gpus.front().problem;
  if (choice == RunSpec::Device::cuda) {
    throw Error("device-unavailable",
                "The device is to be \"cuda\", but " + chosen.problem +
                    ". To compute on the CPU, set device to \"auto\" or \"cpu\".");
  }
  return chosen;
}

std::unique_ptr<Device> open_chosen(Machine& machine, const ChosenDevice& chosen, int threads, Quantization quantization) {
  if (!chosen.gpu) return machine.open_cpu(threads);
  CudaOptions options;
  options.index = chosen.gpu->index;
  options.nf4 = quantization == Quantization::nf4;
  return machine.open_gpu(options);
}

OpenedDevice open_for(Machine& machine, const RunSpec& spec, int threads) {
  OpenedDevice opened;
  opened.chosen = choose_device(machine, spec.device);
  if (opened.chosen.gpu) {
    try {
      opened.device = open_chosen(machine, opened.chosen, threads, spec.quantization);
      return opened;
    } catch (const Error& error) {
      if (spec.device == RunSpec::Device::cuda) throw;
      opened.chosen.problem = "the " + opened.chosen.gpu->name + " cannot be opened: " + as_clause(error.what());
      opened.chosen.gpu.reset();
    }
  }
  if (spec.quantization != Quantization::none) {
    throw Error("quantization-unavailable",
                "model.quantization \"nf4\" needs a GPU, but " +
                    (opened.chosen.problem.empty() ? "the device is to be \"cpu\"" : opened.chosen.problem) +
                    ". To go without, set it to \"none\".");
  }
  opened.device = machine.open_cpu(threads);
  return opened;
}

std::string as_sentence(std::string clause) {
  if (clause.empty()) return clause;
  if (clause[0] >= 'a' && clause[0] <= 'z') clause[0] = static_cast<char>(clause[0] - 'a' + 'A');
  return clause + ".";
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

}  // namespace tunesmith
