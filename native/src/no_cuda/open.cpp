/** In place of cuda/ where the engine is built without it. */
#include "error.h"
#include "ops.h"

namespace tunesmith {

std::unique_ptr<Device> open_cuda_device(const CudaOptions&) {
  throw Error("device-unavailable", "This engine was built without CUDA and computes on the CPU only; choose the CPU, or "
                                    "build the engine where nvcc is installed.");
}

}  // namespace tunesmith
