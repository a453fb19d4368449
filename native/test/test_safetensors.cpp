#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "error.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "scratch.h"

using namespace tunesmith;

namespace {

std::string file_of(const std::string& header, size_t data_bytes, uint64_t claimed) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &claimed, 8);
  return bytes + header + std::string(data_bytes, '\0');
}
std::string file_of(const std::string& header, size_t data_bytes) { return file_of(header, data_bytes, header.size()); }

std::string failure_of(const std::string& bytes) {
  const Scratch scratch;
  scratch.write("x.safetensors", bytes);
  try {
    TensorSource::open_file(scratch.at("x.safetensors"));
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("x.safetensors") != std::string::npos);
    return error.what();
  }
  return "";
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::string kGood = entry("F32", "[2]", "[0,8]");

}  // namespace

TEST_CASE("broken safetensors headers are refused with the file's name") {
  struct Case {
    const char* what;
    std::string bytes, says;
  };
  const std::string deep = std::string(100000, '[');
  const Case cases[] = {
      {"empty file", "", "truncated"},
      {"seven bytes", std::string(7, '\0'), "truncated"},
      {"zero header", file_of("", 0), "not a JSON object"},
      {"header beyond the file", file_of("{}", 0, 3), "truncated"},
      {"header length overflows", file_of("{}", 0, UINT64_MAX), "claims"},
      {"header length overflows the sum", file_of("{}", 0, UINT64_MAX - 7), "claims"},
      {"header over the format's limit", file_of("{}", 0, 100'000'001), "claims"},
      {"not JSON", file_of("{\"a\":", 0), "JSON"},
      {"an array", file_of("[]", 0), "not a JSON object"},
      {"trailing text", file_of("{} x", 0), "JSON"},
      {"not UTF-8", file_of("{\"\xff\":" + kGood + "}", 8), "JSON"},
      {"too deep", file_of("{\"a\":" + deep, 8), "deep"},
      {"NUL in the header", file_of(std::string("{\0}", 3), 0), "JSON"},
      {"duplicate name", file_of("{\"a\":" + kGood + ",\"a\":" + kGood + "}", 8), "twice"},
      {"duplicate field", file_of(R"({"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}})", 8), "twice"},
      {"tensor is a number", file_of("{\"a\":7}", 8), "dtype, shape and data_offsets"},
      {"no dtype", file_of(R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8), "dtype, shape and data_offsets"},
      {"a field too many", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8), "nothing else"},
      {"unknown dtype", file_of("{\"a\":" + entry("F33", "[2]", "[0,8]") + "}", 8), "unknown dtype"},
      {"dtype a number", file_of(R"({"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", 8), "unknown dtype"},
      {"shape a number", file_of("{\"a\":" + entry("F32", "2", "[0,8]") + "}", 8), "shape"},
      {"negative size", file_of("{\"a\":" + entry("F32", "[-2]", "[0,8]") + "}", 8), "not a whole number"},
      {"fractional size", file_of("{\"a\":" + entry("F32", "[2.5]", "[0,8]") + "}", 8), "not a whole number"},
      {"shape overflows", file_of("{\"a\":" + entry("F32", "[4294967296,4294967296]", "[0,8]") + "}", 8), "impossible shape"},
      {"bytes overflow", file_of("{\"a\":" + entry("F32", "[4611686018427387905]", "[0,4]") + "}", 4), "impossible shape"},
      {"size over int64", file_of("{\"a\":" + entry("F32", "[18446744073709551615]", "[0,8]") + "}", 8), "not a whole number"},
      {"too many dimensions",
       file_of("{\"a\":" + entry("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "[0,8]") + "}", 8), "shape"},
      {"one offset", file_of("{\"a\":" + entry("F32", "[2]", "[0]") + "}", 8), "data_offsets"},
      {"offsets reversed", file_of("{\"a\":" + entry("F32", "[2]", "[8,0]") + "}", 8), "ends before"},
      {"negative offset", file_of("{\"a\":" + entry("F32", "[2]", "[-8,0]") + "}", 8), "not a whole number"},
      {"beyond the data", file_of("{\"a\":" + entry("F32", "[2]", "[0,8]") + "}", 7), "truncated"},
      {"far beyond the data", file_of("{\"a\":" + entry("F32", "[2]", "[9223372036854775799,9223372036854775807]") + "}", 8),
       "truncated"},
      {"bytes differ from the shape", file_of("{\"a\":" + entry("F32", "[3]", "[0,8]") + "}", 8), "need 12"},
      {"overlap", file_of("{\"a\":" + kGood + ",\"b\":" + entry("F32", "[2]", "[4,12]") + "}", 12), "overlaps"},
      {"same place twice", file_of("{\"a\":" + kGood + ",\"b\":" + kGood + "}", 8), "overlaps"},
      {"hole", file_of("{\"a\":" + entry("F32", "[2]", "[4,12]") + "}", 12), "unused bytes"},
      {"bytes left over", file_of("{\"a\":" + kGood + "}", 9), "follow the last"},
      {"metadata a list", file_of("{\"__metadata__\":[],\"a\":" + kGood + "}", 8), "__metadata__"},
      {"metadata with a number", file_of("{\"__metadata__\":{\"a\":1},\"a\":" + kGood + "}", 8), "__metadata__"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const std::string message = failure_of(c.bytes);
    CAPTURE(message);
    CHECK(message.find(c.says) != std::string::npos);
  }
  CHECK(failure_of(file_of("{\"a\":" + kGood + "}", 8)).empty());
}

TEST_CASE("every truncation and every changed header byte is either refused or harmless") {
  const std::string good = file_of("{\"a\":" + kGood + ",\"b\":" + entry("BF16", "[2,2]", "[8,16]") + "}", 16);
  for (size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK(failure_of(good.substr(0, length)) != "");
  }
  std::mt19937 random(1);
  const Scratch scratch;
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int n = 0; n < 1 + i % 3; ++n) bytes[random() % (good.size() - 16)] = static_cast<char>(random());
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
  CHECK(refused > 1000);
}

TEST_CASE("what is written is read back, in the format's own layout") {
  const Scratch scratch;
  std::vector<float> a = {1.5f, -2.25f, 3e-30f}, b = {7};
  const std::vector<NamedTensor> tensors = {{"z.weight", {1, 3}, a}, {"a.weight", {1}, b}};
  write_safetensors(scratch.at("x.safetensors"), tensors, {{"format", "pt"}});
  const std::string bytes = scratch.read("x.safetensors");
  uint64_t header;
  std::memcpy(&header, bytes.data(), 8);
  CHECK(header % 8 == 0);
  CHECK(Json::parse(bytes.substr(8, header))["__metadata__"]["format"] == "pt");

  const TensorSource source = TensorSource::open_file(scratch.at("x.safetensors"));
  CHECK(source.all().size() == 2);
  std::vector<float> out(3);
  source.at("z.weight", std::vector<int64_t>{1, 3}).copy_to(out);
  CHECK(out == a);
  CHECK_THROWS_WITH_AS(source.at("z.weight", std::vector<int64_t>{3, 1}), doctest::Contains("[1, 3]"), Error);
  CHECK_THROWS_WITH_AS(source.at("y", std::vector<int64_t>{1}), doctest::Contains("\"y\""), Error);
  std::vector<float> short_out(2);
  CHECK_THROWS_AS(source.at("z.weight", std::vector<int64_t>{1, 3}).copy_to(short_out), Error);
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    CHECK(entry.path().filename() == "x.safetensors");
  }
}

TEST_CASE("float16 and bfloat16 are widened exactly") {
  const Scratch scratch;
  const std::string header = "{\"h\":" + entry("F16", "[6]", "[0,12]") + ",\"b\":" + entry("BF16", "[2]", "[12,16]") + "}";
  // 1, -2, the smallest subnormal, the largest number, infinity, 1/3 rounded; 1, -3.0.
  const uint16_t values[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x3555, 0x3f80, 0xc040};
  std::string bytes = file_of(header, 0);
  bytes.append(reinterpret_cast<const char*>(values), sizeof values);
  scratch.write("x.safetensors", bytes);
  const TensorSource source = TensorSource::open_file(scratch.at("x.safetensors"));
  std::vector<float> half(6), brain(2);
  source.at("h", std::vector<int64_t>{6}).copy_to(half);
  source.at("b", std::vector<int64_t>{2}).copy_to(brain);
  CHECK(half == std::vector<float>{1, -2, 5.9604645e-8f, 65504, INFINITY, 0.33325195f});
  CHECK(brain == std::vector<float>{1, -3});
}

TEST_CASE("a tensor of a dtype that the engine does not compute with is refused where it is asked for") {
  const Scratch scratch;
  scratch.write("x.safetensors", file_of("{\"i\":" + entry("I64", "[1]", "[0,8]") + "}", 8));
  const TensorSource source = TensorSource::open_file(scratch.at("x.safetensors"));
  CHECK_FALSE(source.contains("i"));
  CHECK_THROWS_WITH_AS(source.at("i", std::vector<int64_t>{1}), doctest::Contains("I64"), Error);
}

TEST_CASE("sharded models") {
  const Scratch scratch;
  const std::string first = file_of("{\"a\":" + kGood + "}", 8), second = file_of("{\"b\":" + kGood + "}", 8);
  const auto open = [&](const std::string& index) {
    scratch.write("model.safetensors.index.json", index);
    return TensorSource::open_model(scratch.path());
  };
  CHECK_THROWS_WITH_AS(TensorSource::open_model(scratch.path()), doctest::Contains("neither"), Error);
  scratch.write("one.safetensors", first);
  scratch.write("two.safetensors", second);
  SUBCASE("both shards are read") {
    const TensorSource source = open(R"({"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
    CHECK(source.contains("a"));
    CHECK(source.contains("b"));
  }
  SUBCASE("the index cannot lead out of the folder") {
    for (const char* name : {"../one.safetensors", "/etc/passwd", "..", "", "sub/one.safetensors", "a\\\\b"}) {
      CAPTURE(name);
      CHECK_THROWS_WITH_AS(open(R"({"weight_map":{"a":")" + std::string(name) + R"("}})"), doctest::Contains("in the model's folder"),
                           Error);
    }
    CHECK_THROWS_AS(open(R"({"weight_map":{"a":"one\u0000"}})"), Error);
  }
  SUBCASE("broken indexes") {
    for (const char* index : {"", "[]", "{}", R"({"weight_map":7})", R"({"weight_map":{}})", R"({"weight_map":{"a":7}})",
                              R"({"weight_map":{"a":"three.safetensors"}})", R"({"weight_map":{"b":"one.safetensors"}})",
                              R"({"weight_map":{"a":"one.safetensors","a":"two.safetensors"}})"}) {
      CAPTURE(index);
      CHECK_THROWS_AS(open(index), Error);
    }
  }
  SUBCASE("a tensor in two shards is refused") {
    scratch.write("two.safetensors", first);
    CHECK_THROWS_WITH_AS(open(R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})"),
                         doctest::Contains("another file"), Error);
  }
  SUBCASE("the single file comes first, as Hugging Face reads it") {
    scratch.write("model.safetensors", second);
    const TensorSource source = open("not read");
    CHECK(source.contains("b"));
  }
}

TEST_CASE("tiny-python's shards are read") {
  const TensorSource source = TensorSource::open_model(TUNESMITH_REPOSITORY "/models/tiny-python");
  CHECK(source.at("model.embed_tokens.weight", std::vector<int64_t>{8192, 384}).dtype == DType::bf16);
  CHECK(source.at("model.layers.7.mlp.down_proj.weight", std::vector<int64_t>{384, 1024}).count() == 384 * 1024);
}
