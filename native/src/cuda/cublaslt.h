#pragma once
#include <cstddef>
#include <memory>

#include "cuda/gemm.h"

namespace tunesmith {

/**
 * NVIDIA's cuBLASLt, version 12 or newer, where the machine has it: found at run time, so that the engine neither needs nor
 * ships it. Its types are declared by hand in cublaslt.cpp.
 *
 * Algorithms are the library's own choice among those that add in a fixed order (split-K only with its partial sums reduced
 * by a separate step in float32), asked once a shape: same shape, same workspace, same library and GPU, same bits.
 */
class CublasLt {
 public:
  /** Null where there is none that works with the current device. */
  static std::unique_ptr<CublasLt> open();
  ~CublasLt();

  const char* version() const;  // "13.1.1"

  /** d = a·b + c on the target's stream; a2, b2, swiglu, gate_up and half_d are ignored; c may be d. False, with nothing done, where the
      library has no algorithm or a pointer or leading dimension is not aligned to 16 bytes. `workspace`, aligned to 256, may
      be null where workspace_bytes is 0; 32 MiB are enough for every algorithm. */
  bool multiply(const CudaTarget&, const Gemm<__nv_bfloat16>&, void* workspace, size_t workspace_bytes);

 private:
  struct Library;
  explicit CublasLt(std::unique_ptr<Library>);
  std::unique_ptr<Library> library_;
};

}  // namespace tunesmith
