#pragma once
#include <cuda_runtime.h>

#include <string>

#include "error.h"

namespace tunesmith {

/** A lost GPU, a kernel that failed: what the driver says, in one sentence. */
[[noreturn]] inline void throw_cuda_error(cudaError_t code, const char* what) {
  throw Error("device-failed", std::string("The GPU failed while ") + what + ": " + cudaGetErrorString(code) +
                                   ". The last checkpoint is kept; restart the machine if this happens again.");
}

inline void check_cuda(cudaError_t code, const char* what) {
  if (code != cudaSuccess) throw_cuda_error(code, what);
}

/** After each launch: reports what the launch itself was refused for. */
inline void check_launch(const char* kernel) { check_cuda(cudaGetLastError(), kernel); }

}  // namespace tunesmith
