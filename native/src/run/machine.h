#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops.h"
#include "run/run_spec.h"

namespace tunesmith {

/** Problems are clauses, to be put into sentences: without a capital and a full stop. */
struct Gpu {
  int index = 0;
  std::string name, capability, driver;  // "NVIDIA H100 80GB HBM3", "9.0", "580.95.05"
  int64_t memory_total = 0;
  std::optional<int64_t> memory_free;
  double peak_flops = 0;  // of bfloat16 products a second; 0: not known
  std::string problem;    // why it cannot be used; empty where it can
};

struct GpuReading {
  int64_t memory_used = 0, memory_total = 0;
  std::optional<double> utilisation, temperature, watts;  // percent, °C, W
};

/** What a run may compute on. This one has a CPU and no GPU; commands/ knows the one with NVIDIA's. */
class Machine {
 public:
  virtual ~Machine() = default;
  virtual std::vector<Gpu> gpus() { return {}; }
  /** Why gpus() is empty. */
  virtual std::string no_gpu_problem() { return "this engine computes on the CPU only: it was built without CUDA"; }
  virtual std::unique_ptr<Device> open_cpu(int threads) { return open_cpu_device(threads); }
  virtual std::unique_ptr<Device> open_gpu(const CudaOptions& options) { return open_cuda_device(options); }
  /** Nothing where the driver does not tell. */
  virtual std::optional<GpuReading> read(const Gpu&) { return std::nullopt; }
};

/** Where a run computes, and why there. */
struct ChosenDevice {
  std::optional<Gpu> gpu;  // none: the CPU
  std::string problem;     // why a GPU that was looked for is not used; empty where one is or none was looked for
  /** "cuda:0" or "cpu". */
  std::string id() const { return gpu ? "cuda:" + std::to_string(gpu->index) : "cpu"; }
  /** "NVIDIA H100 80GB HBM3" or the processor's name. */
  std::string name() const;
};

/** `automatic` takes the first GPU that can be used, else the CPU. `cuda` with none: Error "device-unavailable". */
ChosenDevice choose_device(Machine&, RunSpec::Device);

/** Throws Error. */
std::unique_ptr<Device> open_chosen(Machine&, const ChosenDevice&, int threads, Quantization);

/** A device that is open and what it was chosen for. */
struct OpenedDevice {
  ChosenDevice chosen;
  std::unique_ptr<Device> device;
};

/** Chooses and opens a run's device. One that was chosen by itself and does not open gives way to the CPU. Throws Error. */
OpenedDevice open_for(Machine&, const RunSpec&, int threads);

/** A clause as a sentence of its own. */
std::string as_sentence(std::string clause);

/** The processor's name as the system gives it. */
std::string cpu_name();

}  // namespace tunesmith
