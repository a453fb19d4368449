#pragma once
#include <cuda_runtime.h>

#include <string>

#include "error.h"

namespace tunesmith {

/** A lost GPU, a kernel that failed: what the driver says, in one sentence. Memory may also run out where CUDA takes some
    for itself, as for a kernel's code at its first use. */
[[noreturn]] inline void throw_cuda_error(cudaError_t code, const char* what) {
  if (code == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is not sticky, but the next launch would report it
    throw Error("out-of-memory", std::string("The GPU's memory ran out while ") + what +
                                     ": close what else uses it, lower the sequences computed at once, or choose a smaller model.");
  }
  throw Error("device-failed", std::string("The GPU failed while ") + what + ": " + cudaGetErrorString(code) +
                                   ". What was saved is kept; restart the machine if this happens again.");
}

inline void check_cuda(cudaError_t code, const char* what) {
  if (code != cudaSuccess) throw_cuda_error(code, what);
}

/** After each launch: reports what the launch itself was refused for. */
inline void check_launch(const char* kernel) { check_cuda(cudaGetLastError(), kernel); }

}  // namespace tunesmith
