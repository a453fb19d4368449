#include "model/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

#include "error.h"
#include "model/llama.h"
#include "train/trainer.h"

namespace tunesmith {

namespace {

/** Rows of one pass over the prompt: bounds the working space. */
constexpr int64_t kPromptRows = 256;

/** Working space and cache for sequences of up to `positions` tokens. A layer's cache is its whole qkv matrix: the forward
    writes new rows where attention reads the old ones. */
struct Workspace {
  std::vector<Activation*> qkv;  // per layer [positions, row width]
  LayerActivations layer{};
  Activation *x, *y, *normed, *mlp;
  int32_t *ids, *positions, *starts;
  Activations::Head head{};
};

Workspace lay_out(Arena& arena, const Llama& model, int64_t positions) {
  const Device& device = model.device();
  const LlamaConfig& c = model.config();
  const int64_t rows = std::min(kPromptRows, positions);
  const auto activation = [&](int64_t count) { return arena.take<Activation>(count, device.activation_size()); };
  Workspace w;
  for (int64_t i = 0; i < c.layers; ++i) w.qkv.push_back(activation(positions * model.attention_shape().row_width()));
  w.layer.input_rstd = arena.take<float>(rows);
  w.layer.lse = arena.take<float>(rows * c.query_heads);
  w.layer.attention = activation(rows * c.query_heads * c.head_dim);
  w.layer.middle = activation(rows * c.hidden_size);
  w.layer.post_rstd = arena.take<float>(rows);
  w.layer.gate_up = activation(rows * 2 * c.intermediate_size);
  for (size_t g = 0; g < w.layer.xa.size(); ++g) {
    const int64_t columns = model.adapter().columns(static_cast<LinearGroup>(g));
    w.layer.xa[g] = columns > 0 ? activation(rows * device.adapter_stride(columns)) : nullptr;
  }
  w.x = activation(rows * c.hidden_size);
  w.y = activation(rows * c.hidden_size);
  w.normed = activation(rows * c.hidden_size);
  w.mlp = activation(rows * c.intermediate_size);
  w.ids = arena.take<int32_t>(rows);
  w.positions = arena.take<int32_t>(rows);
  w.starts = arena.take<int32_t>(2);
  w.head.chunk = 1;
  w.head.rows = arena.take<int32_t>(1);
  w.head.x = activation(c.hidden_size);
  w.head.normed = activation(c.hidden_size);
  w.head.rstd = arena.take<float>(1);
  w.head.logits = activation(c.vocabulary_size);
  return w;
}

int32_t largest(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  if (!std::isfinite(*best)) {
    throw Error("logits-not-finite", "The model's output is not a number; its weights or the adapter are damaged.");
  }
  return static_cast<int32_t>(best - logits.begin());
}

}  // namespace

struct Generator::Impl {
  explicit Impl(Trainer& trainer) : model(trainer.model()) {}

  void reserve(int64_t positions);
  /** Runs `ids` at positions `first`… and leaves the last one's logits; `base`: without the adapter. */
  void feed(std::span<const int32_t> ids, int64_t first, bool base);
  int32_t next();

  const Llama& model;
  int64_t capacity = 0;
  std::unique_ptr<DeviceMemory> memory;
  std::optional<RopeTable> rope;
  Workspace w;
  std::vector<float> logits;
};

void Generator::Impl::reserve(int64_t positions) {
  if (positions <= capacity) return;
  Device& device = model.device();
  Arena count;
  lay_out(count, model, positions);
  RopeTable(count, model.config(), positions);
  capacity = 0;  // until there is memory again
  memory.reset();
  memory = std::make_unique<DeviceMemory>(device, count.used());
  Arena arena(memory->data());
  w = lay_out(arena, model, positions);
  rope.emplace(arena, model.config(), positions);
  rope->fill(device, model.config());
  device.reserve_scratch(scratch_limits(model.config(), model.adapter(), positions));
  logits.resize(static_cast<size_t>(model.config().vocabulary_size));
  capacity = positions;
}

void Generator::Impl::feed(std::span<const int32_t> ids, int64_t first, bool base) {
  Device& device = model.device();
  const LlamaConfig& c = model.config();
  const int64_t rows = static_cast<int64_t>(ids.size());
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), static_cast<int32_t>(first));
  const int32_t starts[2] = {0, static_cast<int32_t>(first + rows)};
  device.copy_to_device(w.ids, ids.data(), ids.size_bytes());
  device.copy_to_device(w.positions, positions.data(), positions.size() * sizeof(int32_t));
  device.copy_to_device(w.starts, starts, sizeof starts);
  device.embedding(rows, c.hidden_size, w.ids, model.weights().embedding, w.x);
  Activation *x = w.x, *y = w.y;
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    LayerRun run;
    run.layer = layer, run.rows = rows, run.base = base, run.positions = w.positions, run.rope = &*rope;
    run.documents = 1, run.starts = w.starts, run.first_row = first;
    run.kept = w.layer;
    run.kept.x = x, run.kept.qkv = w.qkv[static_cast<size_t>(layer)];
    run.normed = w.normed, run.mlp = w.mlp, run.y = y;
    model.run_layer(run);
    std::swap(x, y);
  }
  const int32_t last = static_cast<int32_t>(rows - 1);
  model.logits(w.head, x, {&last, 1});
}

int32_t Generator::Impl::next() {
  model.device().read_logits(logits.data(), w.head.logits, static_cast<int64_t>(logits.size()));
  return largest(logits);
}

Generator::Generator(Trainer& trainer) : impl_(std::make_unique<Impl>(trainer)) {}

Generator::~Generator() = default;

std::vector<int32_t> Generator::greedy(std::span<const int32_t> prompt, int count, const GenerateOptions& options) {
  const LlamaConfig& c = impl_->model.config();
  const int64_t length = static_cast<int64_t>(prompt.size());
  if (prompt.empty()) throw Error("prompt-empty", "There is no prompt to continue; give at least one token.");
  for (const int32_t id : prompt) {
    if (id < 0 || id >= c.vocabulary_size) {
      throw Error("prompt-token", "The prompt holds the token id " + std::to_string(id) + "; the vocabulary has " +
                                      std::to_string(c.vocabulary_size) + ".");
    }
  }
  if (count <= 0) return {};
  if (length + count > c.max_position_embeddings) {
    throw Error("prompt-too-long", "A prompt of " + std::to_string(length) + " tokens and " + std::to_string(count) +
                                       " new ones are more than the " + std::to_string(c.max_position_embeddings) +
                                       " positions of the model; shorten the prompt or ask for fewer tokens.");
  }
  impl_->reserve(length + count);
  for (int64_t first = 0; first < length; first += kPromptRows) {
    const int64_t rows = std::min(kPromptRows, length - first);
    impl_->feed(prompt.subspan(static_cast<size_t>(first), static_cast<size_t>(rows)), first, options.base);
  }
  std::vector<int32_t> answer;
  for (;;) {
    answer.push_back(impl_->next());
    const bool ended = std::find(c.end_tokens.begin(), c.end_tokens.end(), answer.back()) != c.end_tokens.end();
    const bool wanted = !options.on_token || options.on_token(answer.back());
    if (ended || !wanted || static_cast<int>(answer.size()) == count) return answer;
    impl_->feed({&answer.back(), 1}, length + static_cast<int64_t>(answer.size()) - 1, options.base);
  }
}

}  // namespace tunesmith
