/** In place of cuda/nvml.cpp where the engine is built without CUDA: the driver is not asked. */
#include "cuda/nvml.h"

namespace tunesmith {

NvidiaDriver find_nvidia_gpus() {
  return {.version = "", .problem = "this engine computes on the CPU only: it was built without CUDA", .gpus = {}};
}

double nvidia_peak_flops(const NvidiaGpu&) { return 0; }

struct NvmlMonitor::Library {};
NvmlMonitor::NvmlMonitor(const std::string&) {}
NvmlMonitor::~NvmlMonitor() = default;
std::optional<NvmlReading> NvmlMonitor::read() const { return std::nullopt; }

}  // namespace tunesmith
