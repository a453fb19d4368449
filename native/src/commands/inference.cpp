#include "commands/inference.h"

#include "commands/commands.h"
#include "commands/machine.h"
#include "error.h"
#include "io/peft.h"
#include "run/memory_plan.h"
#include "run/training_run.h"

namespace tunesmith {

std::optional<CudaOptions> cuda_options(const Arguments& asked) {
  const bool cuda = asked.choice("--device", {"cpu", "cuda"}).value_or(0) == 1;
  const auto precision = asked.choice("--precision", {"float32", "bf16"});
  if (!cuda) {
    if (precision == 1) throw UsageError{"--precision bf16 needs --device cuda"};
    return std::nullopt;
  }
  CudaOptions options;
  options.index = choose_device(*this_machine(), RunSpec::Device::cuda).gpu->index;
  options.float32 = precision == 0;
  return options;
}

Inference inference_options(const Arguments& asked) {
  return {asked.optional("--adapter"), cuda_options(asked), asked.number("--threads", 1, 1024).value_or(usable_cores())};
}

std::unique_ptr<Trainer> open_for_inference(const Inference& asked, const LlamaConfig& config, const std::string& model,
                                            int64_t max_tokens, int64_t max_targets) {
  const auto& adapter = asked.adapter;
  TrainerOptions options;
  options.lora = {1, 1, {true, false, false, false, false, false, false}};
  if (adapter) options.lora = read_adapter_config(*adapter).lora;
  options.max_tokens = max_tokens;
  options.max_targets = max_targets;
  // Nothing is kept for a backward pass that never comes.
  options.recompute = Recompute::block;
  options.threads = asked.threads;
  options.cuda = asked.cuda;
  std::unique_ptr<Device> device = open_device(options);
  const int64_t needed = Trainer::plan(*device, config, options).total_bytes(), free = device->memory().available;
  if (needed > free) {
    throw Error("memory-insufficient", model + " needs " + shown_bytes(needed) + " of memory here and " + shown_bytes(free) +
                                           " are free: close other programs, or take a smaller model.");
  }
  const TensorSource base = TensorSource::open_model(model);
  auto trainer = std::make_unique<Trainer>(std::move(device), config, base, options);
  if (adapter) trainer->load_adapter(TensorSource::open_file(adapter_weights_path(*adapter)));
  return trainer;
}

}  // namespace tunesmith
