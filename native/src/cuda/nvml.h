#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tunesmith {

/** A GPU as the driver describes it; asking creates no context on it. */
struct NvidiaGpu {
  int index = 0;  // CUDA's number, which CUDA_VISIBLE_DEVICES changes
  std::string name, bus;  // bus: "0000:1B:00.0"
  int capability = 0;     // 90 for compute capability 9.0
  int multiprocessors = 0;
  int64_t clock_hz = 0;
  int64_t memory_total = 0;
  std::optional<int64_t> memory_free;  // known where NVML is
  std::string problem;                 // why it cannot be used; empty where it can
};

/** What the NVIDIA driver of this machine offers. Problems are clauses, without a capital and a full stop. */
struct NvidiaDriver {
  std::string version;  // "580.95.05", empty where it is not known
  std::string problem;  // why there is no GPU in the list; empty where there is one
  std::vector<NvidiaGpu> gpus;
};

/** Asks libcuda and, where it is there, NVML; both are opened at run time, so that the engine starts without them. */
NvidiaDriver find_nvidia_gpus();

/** Throws Error "device-unavailable" with a sentence that says why the GPU of this number cannot be used. */
void require_usable_gpu(int index);

/** Why a GPU of this compute capability (90 for 9.0) cannot be used with a driver for CUDA `cuda_version` (13000 for 13.0);
    empty where it can. */
std::string nvidia_problem(int capability, int cuda_version, const std::string& driver_version);

/** bfloat16 products with float32 sums that the GPU does at its highest clock, a second; 0 where it is not known. */
double nvidia_peak_flops(const NvidiaGpu&);

/** One reading of a GPU at work; what the driver does not tell is left out. */
struct NvmlReading {
  int64_t memory_used = 0, memory_total = 0;
  std::optional<double> utilisation;  // percent of the last moments in which a kernel ran
  std::optional<double> temperature;  // °C
  std::optional<double> watts;
};

/** Watches one GPU by its bus. Without NVML it reads nothing and says so by nothing. */
class NvmlMonitor {
 public:
  explicit NvmlMonitor(const std::string& bus);
  ~NvmlMonitor();
  NvmlMonitor(const NvmlMonitor&) = delete;
  NvmlMonitor& operator=(const NvmlMonitor&) = delete;
  /** Takes a few milliseconds at most. */
  std::optional<NvmlReading> read() const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace tunesmith
