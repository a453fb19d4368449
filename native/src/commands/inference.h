#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/config.h"
#include "train/trainer.h"

namespace tunesmith {

/** A base with its adapter, for commands that only compute forward. Without an adapter a fresh one of rank 1 stands in, whose
    B is zero. Throws Error. */
std::unique_ptr<Trainer> open_for_inference(const LlamaConfig& config, const std::string& model,
                                            const std::optional<std::string>& adapter, int64_t max_tokens,
                                            int64_t max_targets, std::optional<int> threads);

}  // namespace tunesmith
