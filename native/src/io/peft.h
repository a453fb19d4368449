#pragma once
#include <span>
#include <string>

#include "io/safetensors.h"
#include "train/lora.h"

namespace tunesmith {

struct AdapterConfig {
  LoraConfig lora;
  /** `base_model_name_or_path`. */
  std::string base_model;
};

/** FOLDER/adapter_config.json as PEFT writes it. What the engine does not compute (patterns, DoRA, biases, saved modules …)
    is refused by name. Throws Error. */
AdapterConfig read_adapter_config(const std::string& folder);

/** FOLDER/adapter_model.safetensors. */
std::string adapter_weights_path(const std::string& folder);

/** Writes both files into an existing folder. PEFT loads them. */
void write_adapter(const std::string& folder, std::span<const NamedTensor> tensors, const AdapterConfig& config);

}  // namespace tunesmith
