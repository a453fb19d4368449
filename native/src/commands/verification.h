#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/golden.h"
#include "model/config.h"

namespace tunesmith {

/** One comparison with the reference: how far the engine is off, and how far it may be. */
struct Figure {
  std::string name;  // e.g. "base.nll[3]", "loss[12]", "gradient model.layers.0.mlp.up_proj.lora_A.weight"
  double error;
  double limit;  // infinite: reported only
  bool passed() const { return error <= limit; }  // false for NaN
};

struct VerifyOptions {
  int threads = 1;
  std::optional<CudaOptions> cuda;  // none: the CPU. In bfloat16 the limits are wider, and some figures have none
  Recompute recompute = Recompute::none;
};

/** Computes everything that the reference holds again and calls `report` with each figure. */
void verify_reference(const LlamaConfig&, const TensorSource& base, const Golden&, const VerifyOptions&,
                      const std::function<void(const Figure&)>& report);

}  // namespace tunesmith
