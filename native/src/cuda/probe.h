#pragma once
#include <string>
#include <vector>

namespace tunesmith {

/** An NVIDIA GPU as the driver numbers it. */
struct CudaGpu {
  int index = 0;
  std::string name;
  int capability = 0;  // 90 for 9.0
  std::string why_not;  // empty: this engine can compute on it
};

/** What the driver lists; with none, `why_none` says in one sentence what is missing. */
std::vector<CudaGpu> list_gpus(std::string& why_none);

/** Throws Error "device-unavailable" with the sentence. */
void require_usable_gpu(int index);

}  // namespace tunesmith
