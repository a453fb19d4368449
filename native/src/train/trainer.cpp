#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.h"
#include "model/activations.h"
#include "model/adapter.h"
#include "model/llama.h"
#include "model/rope_table.h"
#include "model/weights.h"
#include "ops.h"
#include "train/random.h"

namespace tunesmith {

namespace {

KeepPolicy keep_of(Recompute recompute) {
  KeepPolicy keep;
  keep.attention = recompute != Recompute::block;
  keep.gate_up = recompute == Recompute::none;
  return keep;
}

ActivationLimits limits_of(const TrainerOptions& options) {
  return {options.max_tokens, options.max_targets, keep_of(options.recompute)};
}

ScratchLimits scratch_of(const LlamaConfig& config, const AdapterLayout& layout, const TrainerOptions& options) {
  return {options.max_tokens, {config.query_heads, config.kv_heads, config.head_dim}, layout.count()};
}

size_t activation_arena_bytes(const Device& device, const LlamaConfig& config, const AdapterLayout& layout,
                              const TrainerOptions& options) {
  Arena arena;
  lay_out_activations(arena, device, config, layout, limits_of(options));
  return arena.used();
}

/** Adapter, gradient and both moments, one after the other. */
size_t adapter_buffer_bytes(const AdapterLayout& layout) {
  return static_cast<size_t>(layout.count()) * sizeof(float);
}

void check(const TrainerOptions& options) {
  const auto& targets = options.lora.targets;
  if (options.lora.rank < 1) {
    throw Error("lora-rank", "The LoRA rank is " + std::to_string(options.lora.rank) + "; it must be at least 1.");
  }
  if (std::none_of(targets.begin(), targets.end(), [](bool on) { return on; })) {
    throw Error("lora-targets", "No LoRA target is chosen, so nothing would be trained; choose at least one projection.");
  }
  if (options.max_tokens < 1 || options.max_tokens > INT32_MAX || options.max_targets < 0 ||
      options.max_targets > options.max_tokens) {
    throw Error("batch-size", "A batch of at most " + std::to_string(options.max_tokens) + " tokens with at most " +
                                  std::to_string(options.max_targets) +
                                  " targets cannot be trained; the tokens must be 1 or more, the targets no more.");
  }
}

[[noreturn]] void refuse(const std::string& what) { throw Error("batch-invalid", "The batch is not valid: " + what + "."); }

}  // namespace

struct Trainer::Impl {
  Impl(const LlamaConfig& config, const TensorSource& base, const TrainerOptions& options);

  BatchSize upload(const Batch&);
  float* start_of(const DeviceMemory& memory) const { return static_cast<float*>(memory.data()); }
  std::vector<NamedTensor> named(const DeviceMemory& memory, const char* suffix);
  void draw_adapter(uint64_t seed);

  LlamaConfig config;
  TrainerOptions options;
  std::unique_ptr<Device> device;
  AdapterLayout layout;
  LlamaWeights weights;
  RopeTable rope;
  DeviceMemory parameters, gradient, first_moment, second_moment;
  DeviceMemory activation_memory;
  Activations activations;
  Llama model;
  int64_t steps = 0;
};

Trainer::Impl::Impl(const LlamaConfig& config_, const TensorSource& base, const TrainerOptions& options_)
    : config(config_),
      options((check(options_), options_)),
      device(open_cpu_device(options_.threads)),
      layout(config, options.lora),
      weights(*device, config, base),
      rope(*device, config, options.max_tokens),
      parameters(*device, adapter_buffer_bytes(layout), MemoryKind::shared),
      gradient(*device, adapter_buffer_bytes(layout), MemoryKind::shared),
      first_moment(*device, adapter_buffer_bytes(layout), MemoryKind::shared),
      second_moment(*device, adapter_buffer_bytes(layout), MemoryKind::shared),
      activation_memory(*device, activation_arena_bytes(*device, config, layout, options), MemoryKind::device),
      model(*device, config, weights, layout, start_of(parameters)) {
  device->reserve_scratch(scratch_of(config, layout, options));
  Arena arena(activation_memory.data());
  activations = lay_out_activations(arena, *device, config, layout, limits_of(options));
  for (const DeviceMemory* memory : {&parameters, &gradient, &first_moment, &second_moment}) {
    device->zero(memory->data(), adapter_buffer_bytes(layout));
  }
  device->zero(activations.loss_sum, sizeof(double));
  device->synchronize();
  draw_adapter(options.seed);
}

/** PEFT's start: A uniform in ±1/sqrt(in), which is Kaiming's with a = sqrt(5); B zero. One stream a matrix, so that the
    start of a projection does not depend on which others are chosen before it in the same layer. */
void Trainer::Impl::draw_adapter(uint64_t seed) {
  float* values = start_of(parameters);
  uint64_t stream = 0;
  for (const AdapterTensor& tensor : layout.tensors()) {
    if (!tensor.name.ends_with(".lora_A.weight")) continue;
    Random random(seed, stream++);
    const double bound = 1.0 / std::sqrt(static_cast<double>(tensor.shape[1]));
    for (int64_t i = 0; i < tensor.count(); ++i) {
      values[tensor.offset + i] = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
    }
  }
}

std::vector<NamedTensor> Trainer::Impl::named(const DeviceMemory& memory, const char* suffix) {
  device->synchronize();
  std::vector<NamedTensor> out;
  for (const AdapterTensor& tensor : layout.tensors()) {
    out.push_back({tensor.name + suffix,
                   {tensor.shape[0], tensor.shape[1]},
                   {start_of(memory) + tensor.offset, static_cast<size_t>(tensor.count())}});
  }
  return out;
}

/** Validates a batch and copies it to the device: the ops do not check indices. */
BatchSize Trainer::Impl::upload(const Batch& batch) {
  const int64_t tokens = static_cast<int64_t>(batch.ids.size());
  const int64_t targets = static_cast<int64_t>(batch.target_rows.size());
  const std::string limit = std::to_string(options.max_tokens);
  if (tokens < 1 || tokens > options.max_tokens) {
    refuse("it has " + std::to_string(tokens) + " tokens, the trainer takes 1 to " + limit);
  }
  if (targets > options.max_targets) {
    refuse("it has " + std::to_string(targets) + " targets, the trainer takes " + std::to_string(options.max_targets));
  }
  const auto starts = batch.document_starts;
  if (starts.size() < 2 || starts.front() != 0 || starts.back() != tokens) {
    refuse("its document bounds do not begin with 0 and end with the number of tokens");
  }
  std::vector<int32_t> positions(batch.ids.size()), next(batch.target_rows.size());
  std::vector<bool> last_of_document(batch.ids.size());
  for (size_t d = 0; d + 1 < starts.size(); ++d) {
    if (starts[d + 1] <= starts[d] || starts[d + 1] > tokens) refuse("its document bounds are not ascending");
    for (int32_t t = starts[d]; t < starts[d + 1]; ++t) positions[static_cast<size_t>(t)] = t - starts[d];
    last_of_document[static_cast<size_t>(starts[d + 1] - 1)] = true;
  }
  for (const int32_t id : batch.ids) {
    if (id < 0 || id >= config.vocabulary_size) {
      refuse("it holds the token id " + std::to_string(id) + ", the vocabulary has " +
             std::to_string(config.vocabulary_size));
    }
  }
  int64_t previous = -1;
  for (size_t i = 0; i < next.size(); ++i) {
    const int64_t row = batch.target_rows[i];
    if (row <= previous || row >= tokens) refuse("its target rows are not ascending or lie outside");
    if (last_of_document[static_cast<size_t>(row)]) {
      refuse("its target row " + std::to_string(row) + " is the last of its document, which has no next token");
    }
    next[i] = batch.ids[static_cast<size_t>(row) + 1];
    previous = row;
  }
  device->copy_to_device(activations.ids, batch.ids.data(), batch.ids.size_bytes());
  device->copy_to_device(activations.positions, positions.data(), positions.size() * sizeof(int32_t));
  device->copy_to_device(activations.starts, starts.data(), starts.size_bytes());
  device->copy_to_device(activations.target_rows, batch.target_rows.data(), batch.target_rows.size_bytes());
  device->copy_to_device(activations.targets, next.data(), next.size() * sizeof(int32_t));
  return {tokens, static_cast<int64_t>(starts.size()) - 1, targets};
}

Trainer::Trainer(const LlamaConfig& config, const TensorSource& base, const TrainerOptions& options)
    : impl_(std::make_unique<Impl>(config, base, options)) {}

Trainer::~Trainer() = default;

MemoryPlan Trainer::plan(const LlamaConfig& config, const TrainerOptions& options) {
  check(options);
  const std::unique_ptr<Device> device = open_cpu_device(options.threads);
  const AdapterLayout layout(config, options.lora);
  MemoryPlan plan;
  plan.recompute = options.recompute;
  plan.weight_bytes =
      static_cast<int64_t>(LlamaWeights::bytes(*device, config) + RopeTable::bytes(config, options.max_tokens));
  plan.adapter_bytes = static_cast<int64_t>(4 * adapter_buffer_bytes(layout));
  plan.activation_bytes = static_cast<int64_t>(activation_arena_bytes(*device, config, layout, options) +
                                               device->scratch_bytes(scratch_of(config, layout, options)));
  plan.parameters = LlamaWeights::parameters(config);
  plan.trainable_parameters = layout.count();
  return plan;
}

void Trainer::accumulate(const Batch& batch, double scale) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  if (size.targets == 0) return;
  t.model.forward(t.activations, t.rope, size);
  t.model.loss(t.activations, size, true, static_cast<float>(scale));
  t.device->add_sum(size.targets, t.activations.nll, t.activations.loss_sum);
  t.model.backward(t.activations, t.rope, size, keep_of(t.options.recompute), t.start_of(t.gradient));
}

Trainer::StepResult Trainer::apply(double learning_rate) {
  Impl& t = *impl_;
  const OptimizerConfig& o = t.options.optimizer;
  t.device->gradient_norm(t.layout.count(), t.start_of(t.gradient), t.activations.norm);
  AdamW update;
  update.count = t.layout.count();
  update.parameters = t.start_of(t.parameters), update.gradient = t.start_of(t.gradient);
  update.m = t.start_of(t.first_moment), update.v = t.start_of(t.second_moment);
  update.learning_rate = learning_rate, update.beta1 = o.beta1, update.beta2 = o.beta2;
  update.epsilon = o.epsilon, update.weight_decay = o.weight_decay;
  update.step = ++t.steps, update.norm = t.activations.norm, update.clip_norm = o.clip_norm;
  t.device->adamw(update);
  StepResult result;
  t.device->copy_to_host(&result.loss_sum, t.activations.loss_sum, sizeof(double));
  t.device->copy_to_host(&result.gradient_norm, t.activations.norm, sizeof(double));
  t.device->zero(t.activations.loss_sum, sizeof(double));
  return result;
}

double Trainer::evaluate(const Batch& batch) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  t.model.forward(t.activations, t.rope, size);
  t.model.loss(t.activations, size, false, 0);
  t.device->zero(t.activations.evaluated_sum, sizeof(double));
  t.device->add_sum(size.targets, t.activations.nll, t.activations.evaluated_sum);
  double sum = 0;
  t.device->copy_to_host(&sum, t.activations.evaluated_sum, sizeof(double));
  return sum;
}

void Trainer::target_nll(const Batch& batch, std::span<float> out) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  if (static_cast<int64_t>(out.size()) != size.targets) refuse("there must be room for one figure a target");
  t.model.forward(t.activations, t.rope, size);
  t.model.loss(t.activations, size, false, 0);
  t.device->copy_to_host(out.data(), t.activations.nll, out.size_bytes());
}

void Trainer::logits(const Batch& batch, std::span<const int32_t> rows, std::span<float> out) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  const size_t vocabulary = static_cast<size_t>(t.config.vocabulary_size);
  if (out.size() != rows.size() * vocabulary) refuse("there must be room for a row of logits a row asked for");
  for (const int32_t row : rows) {
    if (row < 0 || row >= size.tokens) refuse("row " + std::to_string(row) + " lies outside");
  }
  t.model.forward(t.activations, t.rope, size);
  const size_t chunk = static_cast<size_t>(t.activations.head.chunk);
  for (size_t first = 0; first < rows.size(); first += chunk) {
    const size_t count = std::min(chunk, rows.size() - first);
    t.model.logits(t.activations.head, t.activations.x_final, rows.subspan(first, count));
    t.device->read_activations(out.data() + first * vocabulary, t.activations.head.logits,
                               static_cast<int64_t>(count * vocabulary));
  }
}

std::vector<NamedTensor> Trainer::adapter() { return impl_->named(impl_->parameters, ""); }

std::vector<NamedTensor> Trainer::gradient() { return impl_->named(impl_->gradient, ""); }

std::vector<NamedTensor> Trainer::optimizer_state() {
  std::vector<NamedTensor> state = impl_->named(impl_->first_moment, ".m");
  for (NamedTensor& tensor : impl_->named(impl_->second_moment, ".v")) state.push_back(std::move(tensor));
  return state;
}

int64_t Trainer::optimizer_steps() const { return impl_->steps; }

void Trainer::set_optimizer_steps(int64_t steps) { impl_->steps = steps; }

void Trainer::load_adapter(const TensorSource& source) {
  const std::vector<NamedTensor> tensors = adapter();
  for (const auto& [name, view] : source.all()) {
    const bool known = std::any_of(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
    if (!known) {
      throw Error("adapter-unknown-tensor", view.file + " holds " + name +
                                                ", which is no part of this adapter; it was saved for other targets, "
                                                "for another model or by another method.");
    }
  }
  for (const NamedTensor& tensor : tensors) source.at(tensor.name, tensor.shape);  // all or nothing
  for (const NamedTensor& tensor : tensors) source.at(tensor.name, tensor.shape).copy_to(tensor.values);
}

const LlamaConfig& Trainer::config() const { return impl_->config; }

const Llama& Trainer::model() const { return impl_->model; }

}  // namespace tunesmith
