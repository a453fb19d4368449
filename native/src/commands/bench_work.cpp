#include "commands/bench_work.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "commands/commands.h"
#include "error.h"
#include "io/json.h"
#include "train/random.h"

namespace tunesmith {

namespace {

struct Shape {
  const char* name;
  int64_t hidden, intermediate, layers, heads, kv_heads, head_dim, vocabulary;
  bool tied;
  double theta;
};

// From the config.json of each model.
constexpr Shape kShapes[] = {
    {"llama-3.2-1b", 2048, 8192, 16, 32, 8, 64, 128256, true, 5e5},
    {"llama-3.2-3b", 3072, 8192, 28, 24, 8, 128, 128256, true, 5e5},
    {"llama-3.1-8b", 4096, 14336, 32, 32, 8, 128, 128256, false, 5e5},
    {"tinyllama-1.1b", 2048, 5632, 22, 32, 4, 64, 32000, false, 1e4},
    {"tiny-python", 384, 1024, 8, 6, 2, 64, 8192, true, 5e5},
    {"smollm2-135m", 576, 1536, 30, 9, 3, 64, 49152, true, 1e5},
    {"smollm2-1.7b", 2048, 8192, 24, 32, 32, 64, 49152, true, 1.3e5},
};

using Sizes = std::map<std::string, std::vector<int64_t>>;

Sizes tensor_sizes(const LlamaConfig& c) {
  const int64_t hidden = c.hidden_size, heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  Sizes sizes{{"model.embed_tokens.weight", {c.vocabulary_size, hidden}}, {"model.norm.weight", {hidden}}};
  if (!c.tied_embedding) sizes["lm_head.weight"] = {c.vocabulary_size, hidden};
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string at = "model.layers." + std::to_string(i) + ".";
    sizes[at + "input_layernorm.weight"] = sizes[at + "post_attention_layernorm.weight"] = {hidden};
    sizes[at + "self_attn.q_proj.weight"] = {heads, hidden};
    sizes[at + "self_attn.k_proj.weight"] = sizes[at + "self_attn.v_proj.weight"] = {kv, hidden};
    sizes[at + "self_attn.o_proj.weight"] = {hidden, heads};
    sizes[at + "mlp.gate_proj.weight"] = sizes[at + "mlp.up_proj.weight"] = {c.intermediate_size, hidden};
    sizes[at + "mlp.down_proj.weight"] = {hidden, c.intermediate_size};
  }
  return sizes;
}

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

/** Standard deviation 0.02, as Llama's initializer_range. */
std::vector<uint16_t> random_bfloat16(size_t count) {
  std::vector<uint16_t> out(count);
  std::minstd_rand engine(1);
  for (uint16_t& value : out) {
    float sum = 0;
    for (int i = 0; i < 3; ++i) sum += static_cast<float>(engine()) / static_cast<float>(std::minstd_rand::max()) - 0.5f;
    const float x = sum * 0.04f;
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    value = static_cast<uint16_t>(bits >> 16);
  }
  return out;
}

/** Norms get ones, matrices the random values. */
std::map<std::string, TensorView> views_of(const Sizes& sizes, std::span<const uint16_t> ones, std::span<const uint16_t> values) {
  std::map<std::string, TensorView> views;
  for (const auto& [name, shape] : sizes) {
    const size_t bytes = static_cast<size_t>(count_of(shape)) * sizeof(uint16_t);
    TensorView view;
    view.dtype = DType::bf16, view.shape = shape;
    view.bytes = std::as_bytes(shape.size() == 1 ? ones : values).subspan(0, bytes);
    view.file = "(random weights)", view.name = name;
    views.emplace(name, std::move(view));
  }
  return views;
}

size_t largest_count(const Sizes& sizes) {
  int64_t largest = 0;
  for (const auto& [name, shape] : sizes) largest = std::max(largest, count_of(shape));
  return static_cast<size_t>(largest);
}

void append_document(BenchStep& step, int64_t length, BenchLoss loss, Random& random, int64_t vocabulary) {
  const int32_t first = static_cast<int32_t>(step.ids.size());
  for (int64_t t = 0; t < length; ++t) {
    step.ids.push_back(static_cast<int32_t>(random.uniform() * static_cast<double>(vocabulary)));
    if (t + 1 < length && (loss == BenchLoss::all || t >= length / 2 - 1)) step.target_rows.push_back(first + static_cast<int32_t>(t));
  }
  step.starts.push_back(static_cast<int32_t>(step.ids.size()));
}

}  // namespace

LlamaConfig bench_config(const std::string& shape) {
  std::string names;
  for (const Shape& s : kShapes) {
    if (shape == s.name) {
      LlamaConfig c;
      c.hidden_size = s.hidden, c.intermediate_size = s.intermediate, c.layers = s.layers, c.query_heads = s.heads;
      c.kv_heads = s.kv_heads, c.head_dim = s.head_dim, c.vocabulary_size = s.vocabulary, c.tied_embedding = s.tied;
      c.max_position_embeddings = 131072;
      c.rope.theta = s.theta;
      return c;
    }
    names += std::string(names.empty() ? "" : ", ") + s.name;
  }
  throw UsageError{"there is no shape \"" + shape + "\"; known are " + names};
}

RandomWeights::RandomWeights(const LlamaConfig& config)
    : ones_(static_cast<size_t>(config.hidden_size), 0x3f80),
      values_(random_bfloat16(largest_count(tensor_sizes(config)))),
      source_(TensorSource::from_views(views_of(tensor_sizes(config), ones_, values_))) {}

std::vector<int64_t> read_lengths(const std::string& path) {
  const Json json = read_json_file(path, size_t{64} << 20);
  std::vector<int64_t> lengths;
  if (json.is_array()) {
    for (const Json& length : json) {
      if (!length.is_number_integer() || length < 1) break;
      lengths.push_back(length.get<int64_t>());
    }
  }
  if (!json.is_array() || lengths.empty() || lengths.size() != json.size()) {
    throw Error("lengths-invalid", path + " must be a JSON list of document lengths, whole numbers of at least 1.");
  }
  return lengths;
}

std::vector<BenchStep> bench_steps(const LlamaConfig& config, int64_t batch, int64_t sequence, BenchLoss loss,
                                   const std::vector<int64_t>& lengths) {
  std::vector<BenchStep> steps;
  Random random(7, 0);
  if (lengths.empty()) {
    steps.resize(8);
    for (BenchStep& step : steps) {
      for (int64_t i = 0; i < batch; ++i) append_document(step, sequence, loss, random, config.vocabulary_size);
    }
    return steps;
  }
  // As preparation packs: a sequence takes whole documents while they fit, the next begins where they do not.
  int64_t sequences = batch, room = 0;
  for (const int64_t whole : lengths) {
    const int64_t length = std::min(whole, sequence);
    if (length > room) {
      if (sequences == batch) {
        steps.emplace_back();
        sequences = 0;
      }
      ++sequences;
      room = sequence;
    }
    append_document(steps.back(), length, loss, random, config.vocabulary_size);
    room -= length;
  }
  return steps;
}

std::vector<BenchStep> split_step(const BenchStep& step, int64_t tokens) {
  std::vector<BenchStep> parts;
  auto target = step.target_rows.begin();
  for (size_t d = 0; d + 1 < step.starts.size(); ++d) {
    const int32_t first = step.starts[d], end = step.starts[d + 1];
    if (parts.empty() || static_cast<int64_t>(parts.back().ids.size()) + end - first > tokens) parts.emplace_back();
    BenchStep& part = parts.back();
    const int32_t offset = static_cast<int32_t>(part.ids.size()) - first;
    part.ids.insert(part.ids.end(), step.ids.begin() + first, step.ids.begin() + end);
    for (; target != step.target_rows.end() && *target < end; ++target) part.target_rows.push_back(*target + offset);
    part.starts.push_back(end + offset);
  }
  return parts;
}

double bench_flop(const LlamaConfig& c, const LoraConfig& lora, const BenchStep& step) {
  const double hidden = static_cast<double>(c.hidden_size), wide = static_cast<double>(c.intermediate_size);
  const double heads = static_cast<double>(c.query_heads * c.head_dim), kv = static_cast<double>(c.kv_heads * c.head_dim);
  const double frozen = hidden * (heads + 2 * kv) + heads * hidden + 3 * hidden * wide;
  const double adapter = static_cast<double>(lora.rank) * (7 * hidden + 2 * heads + 2 * kv + 3 * wide);
  double pairs = 0;
  for (size_t d = 0; d + 1 < step.starts.size(); ++d) {
    const double length = step.starts[d + 1] - step.starts[d];
    pairs += length * (length + 1) / 2;
  }
  const double tokens = static_cast<double>(step.ids.size()), layers = static_cast<double>(c.layers);
  const double products = tokens * layers * (4 * frozen + 6 * adapter);
  const double attention = layers * pairs * heads * 2 * 7;
  const double head = static_cast<double>(step.target_rows.size()) * 4 * hidden * static_cast<double>(c.vocabulary_size);
  return products + attention + head;
}

}  // namespace tunesmith
