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

/** A base with its adapter, for commands that only compute forward. Without an adapter a fresh one of rank 1 stands in, whose
    B is zero. The options' `--device`, `--adapter` and `--threads` count. Throws UsageError or Error. */
std::unique_ptr<Trainer> open_for_inference(const Arguments&, const LlamaConfig& config, const std::string& model,
                                            int64_t max_tokens, int64_t max_targets);

}  // namespace tunesmith
