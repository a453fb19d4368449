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
  return {options.max_tokens, options.max_targets, keep_of(options.recompute), options.lora.dropout > 0};
}

/** Everything that a trainer holds on its device, in one piece of memory. */
struct Layout {
  LlamaWeights weights;
  RopeTable rope;
  float *parameters, *gradient, *first_moment, *second_moment;
  Activations activations;
  size_t weight_bytes, adapter_bytes, bytes;  // the last: of everything
};

/** Lays it out from the start of `arena`, which may only count. */
Layout lay_out(Arena arena, const Device& device, const LlamaConfig& config, AdapterLayout& adapter,
               const TrainerOptions& options) {
  LlamaWeights weights(arena, device, config);
  const RopeTable rope(arena, config, options.max_tokens);
  const size_t weight_bytes = arena.used();
  const auto buffer = [&] { return arena.take<float>(adapter.count()); };
  float *parameters = buffer(), *gradient = buffer(), *first_moment = buffer(), *second_moment = buffer();
  adapter.place_copies(arena, device);
  const size_t adapter_bytes = arena.used() - weight_bytes;
  Activations activations = lay_out_activations(arena, device, config, adapter, limits_of(options));
  return {std::move(weights), rope,          parameters,   gradient, first_moment, second_moment, std::move(activations),
          weight_bytes,       adapter_bytes, arena.used()};
}

void check(const TrainerOptions& options) {
  const auto& targets = options.lora.targets;
  if (options.lora.rank < 1) {
    throw Error("lora-rank", "The LoRA rank is " + std::to_string(options.lora.rank) + "; it must be at least 1.");
  }
  if (std::none_of(targets.begin(), targets.end(), [](bool on) { return on; })) {
    throw Error("lora-targets", "No LoRA target is chosen, so nothing would be trained; choose at least one projection.");
  }
  if (!(options.lora.dropout >= 0 && options.lora.dropout < 1)) {
    throw Error("lora-dropout", "The LoRA dropout is " + std::to_string(options.lora.dropout) +
                                    "; it must be at least 0 and less than 1.");
  }
  if (options.max_tokens < 1 || options.max_tokens > INT32_MAX || options.max_targets < 0 ||
      options.max_targets > options.max_tokens) {
    throw Error("batch-size", "A batch of at most " + std::to_string(options.max_tokens) + " tokens with at most " +
                                  std::to_string(options.max_targets) +
                                  " targets cannot be trained; the tokens must be 1 or more, the targets no more.");
  }
}

constexpr const char *kFirstMoment = ".m", *kSecondMoment = ".v";  // after a tensor's name, in optimizer_state

[[noreturn]] void refuse(const std::string& what) { throw Error("batch-invalid", "The batch is not valid: " + what + "."); }

void require_one_a_target(std::span<const float> nll, const BatchSize& size) {
  if (static_cast<int64_t>(nll.size()) != size.targets) refuse("there must be room for one figure a target");
}

}  // namespace

struct Trainer::Impl {
  Impl(std::unique_ptr<Device>, const LlamaConfig&, const TensorSource& base, const TrainerOptions&);

  size_t adapter_bytes() const { return static_cast<size_t>(adapter.count()) * sizeof(float); }
  BatchSize upload(const Batch&);
  std::vector<NamedTensor> fetch(const float* from, std::vector<float>& mirror, const char* suffix);
  /** Every tensor of the adapter's layout, from `source`. */
  std::vector<float> read(const TensorSource& source, const char* suffix) const;
  void draw_adapter();
  void set_parameters(const std::vector<float>& values);

  LlamaConfig config;
  TrainerOptions options;
  std::unique_ptr<Device> device;
  AdapterLayout adapter;
  DeviceMemory memory;
  Layout at;  // in `memory`
  Llama model;
  struct Mirrors {
    std::vector<float> parameters, gradient, first_moment, second_moment;
  } mirrors;
  /** Of a batch of the step that is being accumulated. Rows count through the step, so that the masks do not depend on how
      it is cut into batches. */
  Dropout next_dropout(const BatchSize&);
  int64_t steps = 0;
  uint32_t rows_of_step = 0;
};

Trainer::Impl::Impl(std::unique_ptr<Device> device_, const LlamaConfig& config_, const TensorSource& base,
                    const TrainerOptions& options_)
    : config(config_),
      options((check(options_), options_)),
      device(std::move(device_)),
      adapter(config, options.lora),
      memory(*device, lay_out(Arena(), *device, config, adapter, options).bytes),
      at(lay_out(Arena(memory.data()), *device, config, adapter, options)),
      model(*device, config, at.weights, adapter, at.parameters) {
  device->reserve_scratch(scratch_limits(config, adapter, options.max_tokens));
  at.weights.load(*device, config, base);
  at.rope.fill(*device, config);
  for (float* buffer : {at.gradient, at.first_moment, at.second_moment}) {
    device->zero(buffer, adapter_bytes());
  }
  device->zero(at.activations.loss_sum, sizeof(double));
  draw_adapter();
}

void Trainer::Impl::set_parameters(const std::vector<float>& values) {
  device->copy_to_device(at.parameters, values.data(), adapter_bytes());
  model.round_adapter();
}

/** PEFT's start: A uniform in ±1/sqrt(in), which is Kaiming's with a = sqrt(5); B zero. One stream a matrix, so that the
    start of a projection does not depend on which others are chosen before it in the same layer. */
void Trainer::Impl::draw_adapter() {
  std::vector<float> values(static_cast<size_t>(adapter.count()));
  uint64_t stream = 0;
  for (const AdapterTensor& tensor : adapter.tensors()) {
    if (!tensor.name.ends_with(".lora_A.weight")) continue;
    Random random(options.seed, stream++);
    const double bound = 1.0 / std::sqrt(static_cast<double>(tensor.shape[1]));
    for (int64_t i = 0; i < tensor.count(); ++i) {
      values[static_cast<size_t>(tensor.offset + i)] = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
    }
  }
  set_parameters(values);
}

std::vector<NamedTensor> Trainer::Impl::fetch(const float* from, std::vector<float>& mirror, const char* suffix) {
  mirror.resize(static_cast<size_t>(adapter.count()));
  device->copy_to_host(mirror.data(), from, adapter_bytes());
  std::vector<NamedTensor> out;
  for (const AdapterTensor& tensor : adapter.tensors()) {
    out.push_back({tensor.name + suffix,
                   {tensor.shape[0], tensor.shape[1]},
                   {mirror.data() + tensor.offset, static_cast<size_t>(tensor.count())}});
  }
  return out;
}

std::vector<float> Trainer::Impl::read(const TensorSource& source, const char* suffix) const {
  std::vector<float> values(static_cast<size_t>(adapter.count()));
  for (const AdapterTensor& tensor : adapter.tensors()) {
    source.at(tensor.name + suffix, tensor.shape)
        .copy_to({values.data() + tensor.offset, static_cast<size_t>(tensor.count())});
  }
  return values;
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
  const Activations& to = at.activations;
  device->copy_to_device(to.ids, batch.ids.data(), batch.ids.size_bytes());
  device->copy_to_device(to.positions, positions.data(), positions.size() * sizeof(int32_t));
  device->copy_to_device(to.starts, starts.data(), starts.size_bytes());
  device->copy_to_device(to.target_rows, batch.target_rows.data(), batch.target_rows.size_bytes());
  device->copy_to_device(to.targets, next.data(), next.size() * sizeof(int32_t));
  return {tokens, static_cast<int64_t>(starts.size()) - 1, targets};
}

std::unique_ptr<Device> open_device(const TrainerOptions& options) {
  return options.cuda ? open_cuda_device(*options.cuda) : open_cpu_device(options.threads);
}

Trainer::Trainer(std::unique_ptr<Device> device, const LlamaConfig& config, const TensorSource& base,
                 const TrainerOptions& options)
    : impl_(std::make_unique<Impl>(std::move(device), config, base, options)) {}

Trainer::~Trainer() = default;

MemoryPlan Trainer::plan(const Device& device, const LlamaConfig& config, const TrainerOptions& options) {
  check(options);
  AdapterLayout adapter(config, options.lora);
  const Layout layout = lay_out(Arena(), device, config, adapter, options);
  MemoryPlan plan;
  plan.recompute = options.recompute;
  plan.weight_bytes = static_cast<int64_t>(layout.weight_bytes);
  plan.adapter_bytes = static_cast<int64_t>(layout.adapter_bytes);
  plan.saved_bytes = static_cast<int64_t>(layout.activations.saved_bytes);
  plan.working_bytes = static_cast<int64_t>(layout.activations.working_bytes);
  plan.head_bytes = static_cast<int64_t>(layout.activations.head_bytes);
  plan.scratch_bytes = static_cast<int64_t>(device.scratch_bytes(scratch_limits(config, adapter, options.max_tokens)));
  plan.parameters = LlamaWeights::parameters(config);
  plan.trainable_parameters = adapter.count();
  return plan;
}

Dropout Trainer::Impl::next_dropout(const BatchSize& size) {
  Dropout dropout;
  dropout.share = options.lora.dropout, dropout.seed = options.seed;
  dropout.step = static_cast<uint32_t>(steps), dropout.first_row = rows_of_step;
  rows_of_step += static_cast<uint32_t>(size.tokens);
  return dropout;
}

void Trainer::accumulate(const Batch& batch, double scale, std::span<float> nll) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  if (!nll.empty()) require_one_a_target(nll, size);
  const Dropout dropout = t.next_dropout(size);
  if (size.targets == 0) return;
  t.model.forward(t.at.activations, t.at.rope, size, dropout);
  t.model.loss(t.at.activations, size, true, static_cast<float>(scale));
  t.device->add_sum(size.targets, t.at.activations.nll, t.at.activations.loss_sum);
  t.model.backward(t.at.activations, t.at.rope, size, keep_of(t.options.recompute), dropout, t.at.gradient);
  if (!nll.empty()) t.device->copy_to_host(nll.data(), t.at.activations.nll, nll.size_bytes());
}

Trainer::StepResult Trainer::apply(double learning_rate) {
  Impl& t = *impl_;
  const OptimizerConfig& o = t.options.optimizer;
  t.device->gradient_norm(t.adapter.count(), t.at.gradient, t.at.activations.norm);
  AdamW update;
  update.count = t.adapter.count();
  update.parameters = t.at.parameters, update.gradient = t.at.gradient;
  update.m = t.at.first_moment, update.v = t.at.second_moment;
  update.learning_rate = learning_rate, update.beta1 = o.beta1, update.beta2 = o.beta2;
  update.epsilon = o.epsilon, update.weight_decay = o.weight_decay;
  t.rows_of_step = 0;
  update.step = ++t.steps, update.norm = t.at.activations.norm, update.clip_norm = o.clip_norm;
  t.device->adamw(update);
  t.model.round_adapter();
  StepResult result;
  static_assert(sizeof result == 2 * sizeof(double));
  t.device->copy_to_host(&result, t.at.activations.loss_sum, sizeof result);  // the norm lies beside it
  t.device->zero(t.at.activations.loss_sum, sizeof(double));
  return result;
}

double Trainer::evaluate(const Batch& batch) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  t.model.forward(t.at.activations, t.at.rope, size);
  t.model.loss(t.at.activations, size, false, 0);
  t.device->zero(t.at.activations.evaluated_sum, sizeof(double));
  t.device->add_sum(size.targets, t.at.activations.nll, t.at.activations.evaluated_sum);
  double sum = 0;
  t.device->copy_to_host(&sum, t.at.activations.evaluated_sum, sizeof(double));
  return sum;
}

void Trainer::target_nll(const Batch& batch, std::span<float> out) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  require_one_a_target(out, size);
  t.model.forward(t.at.activations, t.at.rope, size);
  t.model.loss(t.at.activations, size, false, 0);
  t.device->copy_to_host(out.data(), t.at.activations.nll, out.size_bytes());
}

void Trainer::logits(const Batch& batch, std::span<const int32_t> rows, std::span<float> out) {
  Impl& t = *impl_;
  const BatchSize size = t.upload(batch);
  const size_t vocabulary = static_cast<size_t>(t.config.vocabulary_size);
  if (out.size() != rows.size() * vocabulary) refuse("there must be room for a row of logits a row asked for");
  for (const int32_t row : rows) {
    if (row < 0 || row >= size.tokens) refuse("row " + std::to_string(row) + " lies outside");
  }
  t.model.forward(t.at.activations, t.at.rope, size);
  const size_t chunk = static_cast<size_t>(t.at.activations.head.chunk);
  for (size_t first = 0; first < rows.size(); first += chunk) {
    const size_t count = std::min(chunk, rows.size() - first);
    t.model.logits(t.at.activations.head, t.at.activations.x_final, rows.subspan(first, count));
    t.device->read_logits(out.data() + first * vocabulary, t.at.activations.head.logits,
                               static_cast<int64_t>(count * vocabulary));
  }
}

std::vector<NamedTensor> Trainer::adapter() {
  return impl_->fetch(impl_->at.parameters, impl_->mirrors.parameters, "");
}

std::vector<NamedTensor> Trainer::gradient() { return impl_->fetch(impl_->at.gradient, impl_->mirrors.gradient, ""); }

std::vector<NamedTensor> Trainer::optimizer_state() {
  Impl& t = *impl_;
  std::vector<NamedTensor> state = t.fetch(t.at.first_moment, t.mirrors.first_moment, kFirstMoment);
  for (NamedTensor& tensor : t.fetch(t.at.second_moment, t.mirrors.second_moment, kSecondMoment)) {
    state.push_back(std::move(tensor));
  }
  return state;
}

int64_t Trainer::optimizer_steps() const { return impl_->steps; }

void Trainer::set_optimizer_steps(int64_t steps) {
  impl_->steps = steps;
  impl_->rows_of_step = 0;
}

void Trainer::load_adapter(const TensorSource& source) {
  const std::vector<AdapterTensor>& tensors = impl_->adapter.tensors();
  for (const auto& [name, view] : source.all()) {
    const bool known = std::any_of(tensors.begin(), tensors.end(), [&](const AdapterTensor& t) { return t.name == name; });
    if (!known) {
      throw Error("adapter-unknown-tensor", view.file + " holds " + name +
                                                ", which is no part of this adapter; it was saved for other targets, "
                                                "for another model or by another method.");
    }
  }
  impl_->set_parameters(impl_->read(source, ""));
}

void Trainer::load_optimizer_state(const TensorSource& source) {
  Impl& t = *impl_;
  const std::vector<float> first = t.read(source, kFirstMoment), second = t.read(source, kSecondMoment);
  t.device->copy_to_device(t.at.first_moment, first.data(), t.adapter_bytes());
  t.device->copy_to_device(t.at.second_moment, second.data(), t.adapter_bytes());
}

const LlamaConfig& Trainer::config() const { return impl_->config; }

const Llama& Trainer::model() const { return impl_->model; }

}  // namespace tunesmith
