#include "cuda/probe.h"

#include <cuda_runtime.h>

#include "error.h"

namespace tunesmith {

namespace {

constexpr int kOldestCapability = 80;

/** "12.4" for 12040, as the driver counts CUDA versions. */
std::string shown_version(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

std::vector<CudaGpu> list_gpus(std::string& why_none) {
  int driver = 0, count = 0;
  cudaDriverGetVersion(&driver);
  if (driver == 0) {
    why_none = "There is no NVIDIA driver on this machine; with an NVIDIA GPU, install driver R580 or newer.";
    return {};
  }
  if (driver < CUDART_VERSION / 1000 * 1000) {
    why_none = "The NVIDIA driver is too old: it speaks CUDA " + shown_version(driver) + ", the engine needs " +
               shown_version(CUDART_VERSION / 1000 * 1000) + "; install driver R580 or newer.";
    return {};
  }
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess || count == 0) {
    cudaGetLastError();
    why_none = code == cudaSuccess || code == cudaErrorNoDevice
                   ? std::string("There is no NVIDIA GPU that this process may use.")
                   : std::string("The NVIDIA driver does not answer: ") + cudaGetErrorString(code) + ".";
    return {};
  }
  std::vector<CudaGpu> gpus;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    CudaGpu gpu{i, properties.name, properties.major * 10 + properties.minor, ""};
    if (gpu.capability < kOldestCapability) {
      gpu.why_not = gpu.name + " has compute capability " + std::to_string(properties.major) + "." +
                    std::to_string(properties.minor) + "; the engine needs 8.0 (Ampere, 2020) or newer.";
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

void require_usable_gpu(int index) {
  std::string why;
  const std::vector<CudaGpu> gpus = list_gpus(why);
  for (const CudaGpu& gpu : gpus) {
    if (gpu.index != index) continue;
    if (!gpu.why_not.empty()) throw Error("device-unavailable", gpu.why_not);
    return;
  }
  if (why.empty()) why = "There is no GPU number " + std::to_string(index) + " on this machine.";
  throw Error("device-unavailable", why);
}

}  // namespace tunesmith
