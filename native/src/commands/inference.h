#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "commands/arguments.h"
#include "model/config.h"
#include "train/trainer.h"

namespace tunesmith {

/** What `--device cpu|cuda` and `--precision float32|bf16` ask for: nothing for the CPU, which computes in float32 alone and
    is the default; else the first GPU that can be used, in bfloat16 where no precision is given. Throws UsageError or
    Error. */
std::optional<CudaOptions> cuda_options(const Arguments&);

/** `--adapter`, `--device` and `--threads` of a command that only computes forward. */
struct Inference {
  std::optional<std::string> adapter;
  std::optional<CudaOptions> cuda;
  int threads;
};
Inference inference_options(const Arguments&);

/** A base with its adapter. Without an adapter a fresh one of rank 1 stands in, whose B is zero. Throws Error. */
std::unique_ptr<Trainer> open_for_inference(const Inference&, const LlamaConfig& config, const std::string& model,
                                            int64_t max_tokens, int64_t max_targets);

}  // namespace tunesmith
