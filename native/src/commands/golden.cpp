#include "commands/golden.h"

#include <filesystem>
#include <map>
#include <string_view>

#include "error.h"
#include "io/json.h"
#include "io/peft.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "reference-invalid";
constexpr int64_t kMaxTokens = int64_t{1} << 24;

std::vector<double> numbers(const Fields& fields, const char* name) {
  std::vector<double> out;
  for (const Json& value : fields.array(name)) {
    if (!value.is_number()) fields.fail(name, "a list of numbers");
    out.push_back(value.get<double>());
  }
  return out;
}

std::vector<int32_t> token_ids(const Fields& fields, const char* name, int32_t lowest) {
  std::vector<int32_t> out;
  for (const Json& value : fields.array(name)) {
    if (!value.is_number_integer() || value.get<int64_t>() < lowest || value.get<int64_t>() > INT32_MAX) {
      fields.fail(name, "a list of token ids");
    }
    out.push_back(value.get<int32_t>());
  }
  if (out.empty()) fields.fail(name, "a list of at least one token id");
  return out;
}

std::string item(const char* list, size_t i) { return std::string(list) + "[" + std::to_string(i) + "]."; }

std::vector<GoldenSequence> read_sequences(const Fields& root, const std::string& file) {
  std::vector<GoldenSequence> out;
  int64_t tokens = 0;
  for (const Json& json : root.array("sequences")) {
    const Fields fields(json, file, item("sequences", out.size()), kCode);
    GoldenSequence sequence;
    sequence.ids = token_ids(fields, "ids", 0);
    const std::vector<int32_t> labels = token_ids(fields, "labels", -100);
    if (labels.size() != sequence.ids.size()) fields.fail("labels", "a list as long as ids");
    for (size_t t = 1; t < labels.size(); ++t) {
      if (labels[t] == -100) continue;
      if (labels[t] != sequence.ids[t]) fields.fail("labels", "a list in which each label is -100 or the id at its place");
      sequence.target_rows.push_back(static_cast<int32_t>(t - 1));
    }
    tokens += static_cast<int64_t>(sequence.ids.size());
    if (tokens > kMaxTokens) root.fail("sequences", "a list with at most 16,777,216 tokens");
    out.push_back(std::move(sequence));
  }
  if (out.empty()) root.fail("sequences", "a list of at least one sequence");
  return out;
}

std::vector<GoldenBase> read_base(const Fields& root, const std::string& file,
                                  const std::vector<GoldenSequence>& sequences) {
  std::vector<GoldenBase> out;
  for (const Json& json : root.array("base")) {
    const Fields fields(json, file, item("base", out.size()), kCode);
    if (out.size() == sequences.size()) root.fail("base", "a list as long as sequences");
    GoldenBase base;
    base.nll = numbers(fields, "nll");
    if (base.nll.size() + 1 != sequences[out.size()].ids.size()) fields.fail("nll", "a list with one number fewer than ids");
    if (!fields.absent("last_top10")) {
      for (const Json& pair : fields.array("last_top10")) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() || !pair[1].is_number() ||
            pair[0].get<int64_t>() < 0 || pair[0].get<int64_t>() > INT32_MAX) {
          fields.fail("last_top10", "a list of [token id, logit]");
        }
        base.last_logits.emplace_back(pair[0].get<int32_t>(), pair[1].get<double>());
      }
    }
    if (!fields.absent("last_logsumexp")) base.last_logsumexp = fields.number("last_logsumexp", -1e9, 1e9);
    out.push_back(std::move(base));
  }
  if (out.size() != sequences.size()) root.fail("base", "a list as long as sequences");
  return out;
}

// The greedy prompt's tokens ---------------------------------------------------------------------------------------------

/** Byte-level BPE writes each byte as one printable character (GPT-2's table); this gives the bytes back. */
std::string bytes_of_piece(std::string_view piece) {
  static const std::map<uint32_t, char> kBytes = [] {
    std::map<uint32_t, char> table;
    uint32_t next = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174);
      table[printable ? byte : next++] = static_cast<char>(byte);
    }
    return table;
  }();
  std::string out;
  for (size_t i = 0; i < piece.size();) {
    const auto lead = static_cast<unsigned char>(piece[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = lead & (length == 1 ? 0x7fu : 0xffu >> (length + 1));
    for (size_t j = 1; j < length && i + j < piece.size(); ++j) {
      point = point << 6 | (static_cast<unsigned char>(piece[i + j]) & 0x3fu);
    }
    const auto byte = kBytes.find(point);
    if (byte != kBytes.end()) out += byte->second;
    i += length;
  }
  return out;
}

/** How many of `ids` spell `text`, a token that is no piece of text (the begin token) in front of it allowed; 0: none. */
size_t prompt_length(const std::vector<int32_t>& ids, const std::string& text, const std::string& tokenizer) {
  const Json json = read_json_file(tokenizer);
  if (!json.is_object() || !json.contains("model") || !json["model"].is_object() || !json["model"].contains("vocab") ||
      !json["model"]["vocab"].is_object()) {
    throw Error("tokenizer-invalid", tokenizer + " has no model.vocab; the tokens of the greedy prompt cannot be found.");
  }
  std::map<int32_t, std::string> pieces;
  for (const auto& [piece, id] : json["model"]["vocab"].items()) {
    if (id.is_number_integer()) pieces[id.get<int32_t>()] = piece;
  }
  std::string spelled;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto piece = pieces.find(ids[i]);
    if (piece != pieces.end()) spelled += bytes_of_piece(piece->second);
    if (spelled == text) return i + 1;
    if (spelled.size() > text.size()) return 0;
  }
  return 0;
}

std::optional<GoldenGreedy> read_greedy(const Fields& root, const std::string& model_directory, Golden& golden) {
  const Fields fields = root.object("greedy");
  const std::vector<int32_t> ids = token_ids(fields, "ids", 0);
  size_t length = 0;
  if (!fields.absent("prompt_tokens")) {
    length = static_cast<size_t>(fields.integer("prompt_tokens", 1, static_cast<int64_t>(ids.size())));
  } else {
    const std::string tokenizer = model_directory + "/tokenizer.json";
    if (!std::filesystem::exists(tokenizer)) {
      golden.absent.push_back("greedy (no tokenizer.json beside the model and no prompt_tokens)");
      return std::nullopt;
    }
    length = prompt_length(ids, fields.string("prompt"), tokenizer);
    if (length == 0) fields.fail("ids", "tokens that begin with those of the prompt");
  }
  if (length == ids.size()) fields.fail("ids", "longer than the prompt");
  const auto middle = ids.begin() + static_cast<ptrdiff_t>(length);
  return GoldenGreedy{{ids.begin(), middle}, {middle, ids.end()}};
}

// Training -----------------------------------------------------------------------------------------------------------

LoraConfig infer_lora(const Fields& fields, const TensorSource& adapter) {
  LoraConfig lora;
  lora.rank = fields.integer("r", 1, 65536);
  lora.alpha = fields.number("alpha", 0, 1e9);
  for (int i = 0; i < kLoraTargets; ++i) {
    const std::string module = std::string(".") + name_of(static_cast<LoraTarget>(i)) + ".";
    bool& on = lora.targets[static_cast<size_t>(i)];
    on = false;
    for (const auto& [name, view] : adapter.all()) on = on || name.find(module) != std::string::npos;
  }
  return lora;
}

GoldenTraining read_training(const Fields& root, const std::string& directory, const TensorSource& adapter) {
  const Fields fields = root.object("lora");
  GoldenTraining t;
  const std::string folder = directory + "/adapter_init";
  if (std::filesystem::exists(folder + "/adapter_config.json")) {
    t.lora = read_adapter_config(folder).lora;
    if (!fields.absent("r") && fields.integer("r", 1, 65536) != t.lora.rank) {
      fields.fail("r", "the rank of adapter_init, " + std::to_string(t.lora.rank));
    }
  } else {
    t.lora = infer_lora(fields, adapter);
  }
  t.learning_rate = fields.number("lr", 0, 1e3);
  const std::vector<double> betas = numbers(fields, "betas");
  if (betas.size() != 2) fields.fail("betas", "a list of two numbers");
  t.optimizer.beta1 = betas[0], t.optimizer.beta2 = betas[1];
  t.optimizer.epsilon = fields.number("eps", 0, 1);
  t.optimizer.weight_decay = fields.number("weight_decay", 0, 1e3);
  t.optimizer.clip_norm = fields.absent("clip") ? 0 : fields.number("clip", 0, 1e9);
  if (!fields.absent("dropout") && fields.number("dropout", 0, 1) != 0) fields.fail("dropout", "0: another program's masks cannot be made again");
  if (!fields.absent("schedule")) {
    t.schedule = static_cast<ScheduleKind>(fields.choice("schedule", {"constant", "linear", "cosine"}));
  }
  if (!fields.absent("warmup")) t.warmup = fields.integer("warmup", 0, INT32_MAX);
  if (!fields.absent("losses")) t.losses = numbers(fields, "losses");
  if (!fields.absent("grad_norms")) t.gradient_norms = numbers(fields, "grad_norms");
  if (!t.gradient_norms.empty() && !t.losses.empty() && t.gradient_norms.size() != t.losses.size()) {
    fields.fail("grad_norms", "a list as long as losses");
  }
  return t;
}

std::unique_ptr<TensorSource> open_optional(const std::string& path, const char* name, Golden& golden) {
  if (std::filesystem::exists(path)) return std::make_unique<TensorSource>(TensorSource::open_file(path));
  golden.absent.push_back(name);
  return nullptr;
}

}  // namespace

Golden read_golden(const std::string& directory, const std::string& model_directory) {
  const std::string file = directory + "/reference.json";
  const Json json = read_json_file(file, size_t{256} << 20);
  const Fields root(json, file, "", kCode);
  Golden golden;
  golden.sequences = read_sequences(root, file);
  if (root.absent("base")) {
    golden.absent.push_back("base");
  } else {
    golden.base = read_base(root, file, golden.sequences);
  }
  if (root.absent("greedy")) {
    golden.absent.push_back("greedy");
  } else {
    golden.greedy = read_greedy(root, model_directory, golden);
  }
  golden.adapter_init = open_optional(adapter_weights_path(directory + "/adapter_init"), "adapter_init", golden);
  golden.gradients = open_optional(directory + "/grads_step0.safetensors", "grads_step0.safetensors", golden);
  golden.adapter_final = open_optional(adapter_weights_path(directory + "/adapter_final"), "adapter_final", golden);
  if (root.absent("lora")) {
    golden.absent.push_back("lora");
  } else if (golden.adapter_init) {
    golden.training = read_training(root, directory, *golden.adapter_init);
    if (golden.training->losses.empty()) golden.absent.push_back("lora.losses");
    if (golden.training->gradient_norms.empty()) golden.absent.push_back("lora.grad_norms");
  }
  return golden;
}

}  // namespace tunesmith
