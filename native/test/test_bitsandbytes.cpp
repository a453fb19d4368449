#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "error.h"
#include "io/bitsandbytes.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "nf4_reference.h"
#include "scratch.h"

using namespace tunesmith;
using nf4_test::Quantised;
using nf4_test::Stored;

namespace {

std::vector<float> weights(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<float> out(count);
  for (float& x : out) x = normal(engine);
  return out;
}

float to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t low = bits & 0xffffu, cut = bits & 0xffff0000u;
  bits = low > 0x8000u || (low == 0x8000u && (cut & 0x10000u)) ? cut + 0x10000u : cut;
  std::memcpy(&x, &bits, 4);
  return x;
}
float to_f16(float x) { return static_cast<float>(static_cast<_Float16>(x)); }
float to_f32(float x) { return x; }

std::vector<float> read(const TensorSource& source, const std::string& name, const std::vector<int64_t>& shape) {
  std::vector<float> out(static_cast<size_t>(shape[0] * shape[1]), -7.0f);
  source.at(name, shape).copy_to(out);
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Stored small() {
  const Quantised q = nf4_test::quantise(weights(20 * 100, 1), dynamic_map());
  return nf4_test::stored("w", q, {20, 100}, "bfloat16", true);
}

std::string failure_of(const std::string& file) {
  const Scratch scratch;
  scratch.write("x.safetensors", file);
  try {
    TensorSource::open_file(scratch.at("x.safetensors"));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("NF4's levels and the dynamic map are those of bitsandbytes") {
  for (size_t i = 0; i < 16; ++i) CHECK(kNf4Levels[i] == nf4_test::kLevels[i]);
  for (size_t i = 0; i < 15; ++i) {
    // Its decimal literals round some midpoints the other way.
    CHECK(std::abs((kNf4Levels[i] + kNf4Levels[i + 1]) / 2 - nf4_test::kThresholds[i]) < 6e-8f);
  }
  const std::array<float, 256> map = dynamic_map();
  CHECK(std::is_sorted(map.begin(), map.end()));
  // As PyTorch 2 prints them.
  CHECK(map[0] == -0.992968738079071f);
  CHECK(map[1] == -0.9789062738418579f);
  CHECK(map[126] == -5.500000384017767e-07f);
  CHECK(map[127] == 0.0f);
  CHECK(map[128] == 5.500000384017767e-07f);
  CHECK(map[135] == 0.00015625001105945557f);
  CHECK(map[254] == 0.992968738079071f);
  CHECK(map[255] == 1.0f);
}

TEST_CASE("a 4-bit checkpoint shows its matrices, dequantised to the bit") {
  struct Case {
    std::vector<int64_t> shape;
    const char* dtype;
    float (*round)(float);
    bool nested;
    int64_t block;
  };
  const Case cases[] = {
      {{128, 96}, "bfloat16", to_bf16, true, 64},   {{300, 160}, "float16", to_f16, true, 64},
      {{7, 33}, "float32", to_f32, true, 64},       {{64, 64}, "bfloat16", to_bf16, false, 64},
      {{65, 101}, "float16", to_f16, false, 128},   {{1, 1}, "bfloat16", to_bf16, true, 64},
      {{50, 4096}, "bfloat16", to_bf16, true, 4096}, {{40, 40}, "float32", to_f32, true, 32},
  };
  uint32_t seed = 1;
  for (const Case& c : cases) {
    CAPTURE(c.dtype);
    CAPTURE(c.shape[0]);
    std::vector<float> w = weights(static_cast<size_t>(c.shape[0] * c.shape[1]), seed++);
    for (float& x : w) x = c.round(x);
    const Quantised q = nf4_test::quantise(w, dynamic_map(), c.block);
    Stored tensors = nf4_test::stored("w", q, c.shape, c.dtype, c.nested);
    tensors["norm"] = {"F32", {2}, std::string(8, '\0')};
    const Scratch scratch;
    scratch.write("model.safetensors", nf4_test::safetensors_of(tensors));
    const TensorSource source = TensorSource::open_model(scratch.path());
    CHECK(source.all().size() == 2);
    CHECK(source.at("w", c.shape).dtype == DType::nf4);
    std::vector<float> expected = q.values(c.nested);
    for (float& x : expected) x = c.round(x);
    CHECK(same_bits(read(source, "w", c.shape), expected));
    double error = 0, squares = 0;
    for (size_t i = 0; i < w.size(); ++i) error += (w[i] - expected[i]) * (w[i] - expected[i]), squares += w[i] * w[i];
    if (w.size() > 1000) CHECK(error / squares < (c.block > 128 ? 0.03 : 0.012));
  }
}

TEST_CASE("a 4-bit matrix may lie in several shards and in another storage dtype") {
  const Quantised q = nf4_test::quantise(weights(64 * 32, 9), dynamic_map());
  Stored first = nf4_test::stored("w", q, {64, 32}, "float32", true), second;
  for (const char* name : {"w.absmax", "w.quant_state.bitsandbytes__nf4", "w.nested_quant_map"}) {
    second.insert(first.extract(name));
  }
  first["w"].dtype = "BF16";
  first["w"].shape = {64 * 32 / 4, 1};
  const Scratch scratch;
  Json index;
  for (const auto& [name, tensor] : first) index["weight_map"][name] = "1.safetensors";
  for (const auto& [name, tensor] : second) index["weight_map"][name] = "2.safetensors";
  scratch.write("1.safetensors", nf4_test::safetensors_of(first));
  scratch.write("2.safetensors", nf4_test::safetensors_of(second));
  scratch.write("model.safetensors.index.json", index.dump());
  const TensorSource source = TensorSource::open_model(scratch.path());
  CHECK(source.all().size() == 1);
  CHECK(same_bits(read(source, "w", {64, 32}), q.values()));
  CHECK_THROWS_WITH_AS(source.at("w", std::vector<int64_t>{32, 64}), doctest::Contains("[64, 32]"), Error);
  index["weight_map"]["w.absmax"] = "1.safetensors";
  scratch.write("model.safetensors.index.json", index.dump());
  CHECK_THROWS_WITH_AS(TensorSource::open_model(scratch.path()), doctest::Contains("which lacks it"), Error);
}

TEST_CASE("8-bit tensors without a 4-bit state are refused where they are asked for") {
  Stored tensors = small();
  tensors.erase("w.quant_state.bitsandbytes__nf4");
  const Scratch scratch;
  scratch.write("x.safetensors", nf4_test::safetensors_of(tensors));
  const TensorSource source = TensorSource::open_file(scratch.at("x.safetensors"));
  CHECK_THROWS_WITH_AS(source.at("w", std::vector<int64_t>{20, 100}), doctest::Contains("U8"), Error);
}

TEST_CASE("broken 4-bit checkpoints are refused with the file and the tensor") {
  const auto with_state = [](const std::function<void(Json&)>& change) {
    return [change](Stored& tensors) {
      nf4_test::StoredTensor& state = tensors["w.quant_state.bitsandbytes__nf4"];
      Json json = Json::parse(state.bytes);
      change(json);
      state.bytes = json.dump();
      state.shape = {static_cast<int64_t>(state.bytes.size())};
    };
  };
  const auto field = [&](const char* name, const Json& value) {
    return with_state([=](Json& state) { state[name] = value; });
  };
  const auto without = [&](const char* name) {
    return with_state([=](Json& state) { state.erase(name); });
  };
  const auto replace = [](const char* name, const nf4_test::StoredTensor& tensor) {
    return [=](Stored& tensors) { tensors[name] = tensor; };
  };
  const auto drop = [](const char* name) { return [=](Stored& tensors) { tensors.erase(name); }; };
  const auto text = [&](const std::string& bytes) {
    return replace("w.quant_state.bitsandbytes__nf4", {"U8", {static_cast<int64_t>(bytes.size())}, bytes});
  };
  std::string levels(64, '\0'), nan_map(1024, '\0');
  const float nan = std::nanf("");
  std::memcpy(nan_map.data() + 512, &nan, 4);
  struct Case {
    const char* what;
    std::function<void(Stored&)> change;
    const char* says;
  };
  const Case cases[] = {
      {"codes missing", drop("w"), "is missing"},
      {"codes too short", replace("w", {"U8", {999, 1}, std::string(999, '\0')}), "1000"},
      {"codes too long", replace("w", {"U8", {1001, 1}, std::string(1001, '\0')}), "1000"},
      {"codes flat", replace("w", {"U8", {1000}, std::string(1000, '\0')}), "column"},
      {"codes in a row", replace("w", {"U8", {1, 1000}, std::string(1000, '\0')}), "column"},
      {"absmax missing", drop("w.absmax"), "\"w.absmax\""},
      {"absmax too short", replace("w.absmax", {"U8", {31}, std::string(31, '\0')}), "32 values of U8"},
      {"absmax of another dtype", replace("w.absmax", {"F32", {32}, std::string(128, '\0')}), "32 values of U8"},
      {"absmax a matrix", replace("w.absmax", {"U8", {32, 1}, std::string(32, '\0')}), "32 x 1"},
      {"absmax a number", replace("w.absmax", {"U8", {}, std::string(1, '\0')}), "one of U8"},
      {"quant_map missing", drop("w.quant_map"), "\"w.quant_map\""},
      {"quant_map of other levels", replace("w.quant_map", {"F32", {16}, levels}), "other levels"},
      {"quant_map too short", replace("w.quant_map", {"F32", {15}, std::string(60, '\0')}), "16 values"},
      {"nested_absmax missing", drop("w.nested_absmax"), "\"w.nested_absmax\""},
      {"nested_absmax too long", replace("w.nested_absmax", {"F32", {2}, std::string(8, '\0')}), "1 values of F32"},
      {"nested_quant_map missing", drop("w.nested_quant_map"), "\"w.nested_quant_map\""},
      {"nested_quant_map in 8 bits", replace("w.nested_quant_map", {"U8", {256}, std::string(256, '\0')}), "256 values"},
      {"nested_quant_map not finite", replace("w.nested_quant_map", {"F32", {256}, nan_map}), "not finite"},
      {"state in floats", replace("w.quant_state.bitsandbytes__nf4", {"I8", {2}, "{}"}), "JSON object"},
      {"state a matrix", replace("w.quant_state.bitsandbytes__nf4", {"U8", {1, 2}, "{}"}), "JSON object"},
      {"state huge", text(std::string(5000, ' ')), "at most 4096"},
      {"state empty", text(""), "JSON"},
      {"state no JSON", text("{\"quant_type\":"), "JSON"},
      {"state a list", text("[]"), "must be an object"},
      {"state with NaN", text(R"({"quant_type":"nf4","nested_offset":NaN})"), "JSON"},
      {"state with a field twice", text(R"({"quant_type":"nf4","quant_type":"nf4"})"), "twice"},
      {"quant_type fp4", field("quant_type", "fp4"), "quant_type"},
      {"quant_type a number", field("quant_type", 4), "quant_type"},
      {"no quant_type", without("quant_type"), "quant_type is missing"},
      {"dtype int8", field("dtype", "int8"), "dtype"},
      {"no dtype", without("dtype"), "dtype is missing"},
      {"blocksize 0", field("blocksize", 0), "blocksize"},
      {"blocksize negative", field("blocksize", -64), "blocksize"},
      {"blocksize 63", field("blocksize", 63), "power of two"},
      {"blocksize 128", field("blocksize", 128), "16 values of U8"},
      {"blocksize huge", field("blocksize", 1ull << 62), "blocksize"},
      {"blocksize a text", field("blocksize", "64"), "blocksize"},
      {"no shape", without("shape"), "shape is missing"},
      {"shape null", field("shape", nullptr), "shape"},
      {"shape empty", field("shape", Json::array()), "rows and columns"},
      {"shape flat", field("shape", {2000}), "rows and columns"},
      {"shape of three", field("shape", {2, 10, 100}), "rows and columns"},
      {"shape with zero", field("shape", {0, 100}), "rows and columns"},
      {"shape negative", field("shape", {-20, -100}), "rows and columns"},
      {"shape fractional", field("shape", {20.5, 100}), "rows and columns"},
      {"shape of other values", field("shape", {21, 100}), "33 values of U8"},
      {"shape overflows", field("shape", {1ull << 40, 1ull << 40}), "rows and columns"},
      {"shape large", field("shape", {INT32_MAX, INT32_MAX}), "values of F32"},
      {"nested_blocksize 0", field("nested_blocksize", 0), "nested_blocksize"},
      {"nested_blocksize 100", field("nested_blocksize", 100), "power of two"},
      {"no nested_blocksize", without("nested_blocksize"), "nested_blocksize is missing"},
      {"nested_offset a text", field("nested_offset", "0"), "nested_offset"},
      {"nested_offset too large", field("nested_offset", 1e300), "nested_offset"},
      {"no nested_offset", without("nested_offset"), "nested_offset is missing"},
      {"nested_dtype float16", field("nested_dtype", "float16"), "nested_dtype"},
      {"a field too many", field("zero_point", 1), "zero_point"},
      {"FP4",
       [](Stored& tensors) {
         auto node = tensors.extract("w.quant_state.bitsandbytes__nf4");
         node.key() = "w.quant_state.bitsandbytes__fp4";
         tensors.insert(std::move(node));
       },
       "reads nf4"},
  };
  CHECK(failure_of(nf4_test::safetensors_of(small())).empty());
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Stored tensors = small();
    c.change(tensors);
    const std::string message = failure_of(nf4_test::safetensors_of(tensors));
    CAPTURE(message);
    CHECK(message.find("x.safetensors") != std::string::npos);
    CHECK(message.find("w") != std::string::npos);
    CHECK(message.find(c.says) != std::string::npos);
  }
}

TEST_CASE("single scales must not come with nested fields") {
  Stored tensors = nf4_test::stored("w", nf4_test::quantise(weights(2000, 2), dynamic_map()), {20, 100}, "float16", false);
  CHECK(failure_of(nf4_test::safetensors_of(tensors)).empty());
  tensors["w.nested_absmax"] = {"F32", {1}, std::string(4, '\0')};
  CHECK(failure_of(nf4_test::safetensors_of(tensors)).find("nested_blocksize is missing") != std::string::npos);
}

TEST_CASE("a changed byte of a 4-bit checkpoint is either refused or harmless") {
  const std::string good = nf4_test::safetensors_of(small());
  std::mt19937 random(3);
  const Scratch scratch;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    for (int n = 0; n < 1 + i % 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    scratch.write("x.safetensors", bytes);
    try {
      const TensorSource source = TensorSource::open_file(scratch.at("x.safetensors"));
      for (const auto& [name, view] : source.all()) {
        std::vector<float> values(static_cast<size_t>(view.count()));
        view.copy_to(values);
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("config.json: NF4 by bitsandbytes is accepted, other quantisation is refused by name") {
  const auto failure = [](const Json& quantisation) -> std::string {
    Json json = {{"model_type", "llama"},       {"hidden_size", 32},        {"intermediate_size", 64},
                 {"num_hidden_layers", 2},      {"num_attention_heads", 4}, {"vocab_size", 100},
                 {"rms_norm_eps", 1e-5},        {"max_position_embeddings", 4096},
                 {"quantization_config", quantisation}};
    const Scratch scratch;
    scratch.write("config.json", json.dump());
    try {
      read_llama_config(scratch.path());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const Json good = {{"_load_in_4bit", true},
                     {"_load_in_8bit", false},
                     {"bnb_4bit_compute_dtype", "bfloat16"},
                     {"bnb_4bit_quant_storage", "uint8"},
                     {"bnb_4bit_quant_type", "nf4"},
                     {"bnb_4bit_use_double_quant", true},
                     {"llm_int8_enable_fp32_cpu_offload", false},
                     {"llm_int8_has_fp16_weight", false},
                     {"llm_int8_skip_modules", nullptr},
                     {"llm_int8_threshold", 6.0},
                     {"load_in_4bit", true},
                     {"load_in_8bit", false},
                     {"quant_method", "bitsandbytes"}};
  CHECK(failure(good) == "");
  CHECK(failure(nullptr) == "");
  Json older = good;
  older.erase("quant_method");
  CHECK(failure(older) == "");
  struct Case {
    const char* field;
    Json value;
  };
  const Case cases[] = {{"quant_method", "gptq"},       {"quant_method", "awq"}, {"quant_method", "fp8"},
                        {"load_in_8bit", true},         {"load_in_4bit", false}, {"bnb_4bit_quant_type", "fp4"},
                        {"bnb_4bit_quant_type", nullptr}};
  for (const Case& c : cases) {
    CAPTURE(c.field);
    CAPTURE(c.value.dump());
    Json changed = good;
    changed[c.field] = c.value;
    const std::string message = failure(changed);
    CAPTURE(message);
    CHECK(message.find("config.json: quantization_config." + std::string(c.field) + " must be ") != std::string::npos);
  }
  CHECK(failure({{"quant_method", "gptq"}, {"bits", 4}}).find("\"gptq\"") != std::string::npos);
  CHECK(failure({{"quant_method", "bitsandbytes"}}).find("load_in_4bit is missing") != std::string::npos);
  CHECK(failure("nf4").find("quantization_config must be an object") != std::string::npos);
}
