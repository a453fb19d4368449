/** 4-bit weights against bitsandbytes' algorithm on the host. */
#include <cuda_runtime.h>

#include <algorithm>
#include <numeric>

#include "../nf4_reference.h"
#include "compare.h"
#include "cuda/nf4.h"
#include "error.h"
#include "io/bitsandbytes.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;
using nf4_test::Quantised;

namespace {

CudaTarget target_of_gpu() {
  CudaTarget target;
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&target.multiprocessors, cudaDevAttrMultiProcessorCount, 0);
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
  target.capability = major * 10 + minor;
  return target;
}

/** Runs on the stream that these tests' target names, between the device's own work. */
template <class Work>
void run(Backends& b, const Work& work) {
  b.gpu->synchronize();
  work();
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
}

WeightShape product(int64_t rows, int64_t columns) { return {WeightShape::Use::product, rows, columns}; }

/** A matrix of exactly nf4_bytes, poisoned, followed by a guard. */
class Matrix {
 public:
  Matrix(Backends& b, const WeightShape& shape) : shape(shape), bytes_(nf4_bytes(shape)), memory_(b, poison(bytes_)) {}
  void* gpu() { return memory_.gpu(); }
  bool guard_intact() {
    const std::vector<uint8_t> all = memory_.gpu_values();
    return std::all_of(all.begin() + static_cast<std::ptrdiff_t>(bytes_), all.end(), [](uint8_t x) { return x == 0xA5; });
  }
  const WeightShape shape;

 private:
  static std::vector<uint8_t> poison(size_t bytes) { return std::vector<uint8_t>(bytes + 256, 0xA5); }
  size_t bytes_;
  Values<uint8_t> memory_;
};

/** Weights as training leaves them: the spread differs from row to row, so the scales do. */
Floats weights(int64_t rows, int64_t columns, uint32_t seed) {
  Floats out = normal_floats(static_cast<size_t>(rows * columns), seed, 0.02f);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] *= 1.0f + 0.5f * std::sin(static_cast<float>(i / static_cast<size_t>(columns)));
  }
  return out;
}

template <class T>
Floats dequantised(Backends& b, Matrix& matrix) {
  Tensor out = Tensor::poisoned(b, static_cast<size_t>(matrix.shape.rows * matrix.shape.columns));
  run(b, [&] { nf4_dequantise(target_of_gpu(), matrix.shape, matrix.gpu(), as<T>(out.gpu())); });
  CHECK(out.guard_intact());
  return out.gpu_values();
}
Floats dequantised(Backends& b, Matrix& matrix) {
  return b.float32 ? dequantised<float>(b, matrix) : dequantised<__nv_bfloat16>(b, matrix);
}

void quantise(Backends& b, Matrix& matrix, int64_t first_row, int64_t rows, Tensor& staged) {
  run(b, [&] {
    if (b.float32) {
      nf4_quantise(target_of_gpu(), matrix.shape, first_row, rows, as<float>(staged.gpu()), matrix.gpu());
    } else {
      nf4_quantise(target_of_gpu(), matrix.shape, first_row, rows, as<__nv_bfloat16>(staged.gpu()), matrix.gpu());
    }
  });
}

/** The oracle's values as the device stores them. A value that lies on the threshold of two codes may have either. */
size_t differences(const Backends& b, const Floats& w, const Quantised& q, const Floats& ours) {
  const Floats expected = q.values();
  size_t count = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    if (ours[i] == (b.float32 ? expected[i] : bf16_value(expected[i]))) continue;
    const float x = w[i] / q.absmax[i / 64];
    const bool tie = std::any_of(nf4_test::kThresholds, nf4_test::kThresholds + 15,
                                 [&](float t) { return std::abs(x - t) < 2.5e-7f; });
    count += !tie;
  }
  return count;
}

void check_parts(bool float32, int64_t columns, const std::vector<int64_t>& rows) {
  CAPTURE(float32);
  CAPTURE(columns);
  CAPTURE(rows.size());
  Backends b({.float32 = float32});
  const int64_t all = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  CAPTURE(all);
  Matrix matrix(b, product(all, columns));
  std::vector<Floats> parts;
  int64_t first = 0;
  for (const int64_t n : rows) {
    Tensor staged(b, weights(n, columns, static_cast<uint32_t>(first + n)));
    quantise(b, matrix, first, n, staged);
    parts.push_back(staged.oracle());
    first += n;
  }
  CHECK(matrix.guard_intact());
  const Floats ours = dequantised(b, matrix);
  CHECK(matrix.guard_intact());
  auto from = ours.begin();
  for (const Floats& part : parts) {
    const Floats of_part(from, from + static_cast<std::ptrdiff_t>(part.size()));
    CHECK(differences(b, part, nf4_test::quantise(part, dynamic_map()), of_part) == 0);
    CHECK(relative_error(of_part, part) < 0.14);
    from += static_cast<std::ptrdiff_t>(part.size());
  }
  CHECK(dequantised(b, matrix) == ours);  // the same bits again
}

/** A 4-bit tensor of a file in memory. */
struct FileTensor {
  FileTensor(Quantised quantised, std::vector<int64_t> shape, DType dtype, bool nested) : q(std::move(quantised)) {
    auto nf4 = std::make_shared<Nf4Tensor>();
    nf4->dtype = dtype;
    nf4->count = q.count;
    nf4->block = q.block;
    nf4->codes = std::as_bytes(std::span(q.codes));
    nf4->is_nested = nested;
    nf4->absmax = nested ? std::as_bytes(std::span(q.scale_codes)) : std::as_bytes(std::span(q.absmax));
    nf4->nested = {256, q.mean, q.map, std::as_bytes(std::span(q.nested_absmax))};
    view = TensorView{DType::nf4, std::move(shape), nf4->codes, "x.safetensors", "w", nf4};
  }
  FileTensor(const FileTensor&) = delete;
  Quantised q;
  TensorView view{};
};

bool take_over(Backends& b, Matrix& matrix, int64_t first_row, const TensorView& view) {
  bool taken = false;
  run(b, [&] { taken = nf4_take_over(target_of_gpu(), *b.gpu, matrix.shape, first_row, view, matrix.gpu()); });
  b.gpu->synchronize();
  return taken;
}

}  // namespace

TEST_CASE("CUDA nf4: bytes of a matrix") {
  const double bytes = static_cast<double>(nf4_bytes(product(16384, 2048)));
  CHECK(bytes / (16384.0 * 2048.0) < 0.5 + 1.0 / 64 + 4.0 / (64 * 256) + 0.0002);
  CHECK(nf4_bytes(product(16384, 2048)) % 256 == 0);
  CHECK(nf4_bytes(product(1, 1)) < 8192);
}

TEST_CASE("CUDA nf4: quantised and widened as bitsandbytes does it") {
  for (const bool float32 : {false, true}) {
    check_parts(float32, 64, {1});
    check_parts(float32, 2048, {512});
    check_parts(float32, 192, {77});     // no whole number of warps' work
    check_parts(float32, 33, {64});      // blocks across rows
    check_parts(float32, 64, {255});     // a nested block less one, whole, and one more
    check_parts(float32, 64, {256});
    check_parts(float32, 64, {257});
    check_parts(float32, 1000, {2000});
  }
}

TEST_CASE("CUDA nf4: parts keep means and nested blocks of their own") {
  for (const bool float32 : {false, true}) {
    check_parts(float32, 2048, {64, 16, 16});
    check_parts(float32, 64, {1, 1, 1});
    check_parts(float32, 64, {255, 257, 300});
    check_parts(float32, 64, {300, 1, 255});
    check_parts(float32, 192, {100, 3, 411});
    check_parts(float32, 320, {129, 77});
  }
}

TEST_CASE("CUDA nf4: zeros, one value, tiny and huge blocks") {
  for (const bool float32 : {false, true}) {
    CAPTURE(float32);
    Backends b({.float32 = float32});
    Floats w = weights(16, 64, 5);
    std::fill(w.begin(), w.begin() + 64, 0.0f);
    std::fill(w.begin() + 64, w.begin() + 128, 0.5f);
    std::fill(w.begin() + 128, w.begin() + 192, -0.25f);
    for (size_t i = 192; i < 256; ++i) w[i] *= 1e-38f;
    for (size_t i = 256; i < 320; ++i) w[i] *= 1e6f;
    Matrix matrix(b, product(16, 64));
    Tensor staged(b, w);
    quantise(b, matrix, 0, 16, staged);
    const Floats ours = dequantised(b, matrix);
    const Quantised q = nf4_test::quantise(staged.oracle(), dynamic_map());
    CHECK(differences(b, staged.oracle(), q, ours) == 0);
    for (size_t i = 0; i < 64; ++i) CHECK(ours[i] == 0.0f);

    Matrix zeros(b, product(64, 64));
    Tensor none(b, Floats(64 * 64, 0.0f));
    quantise(b, zeros, 0, 64, none);
    CHECK(dequantised(b, zeros) == Floats(64 * 64, 0.0f));
  }
}

TEST_CASE("CUDA nf4: a matrix can be loaded again") {
  Backends b;
  Matrix matrix(b, product(96, 64));
  Tensor first(b, weights(96, 64, 1)), second(b, weights(48, 64, 2)), third(b, weights(48, 64, 3));
  quantise(b, matrix, 0, 96, first);
  quantise(b, matrix, 0, 48, second);
  quantise(b, matrix, 48, 48, third);
  quantise(b, matrix, 48, 48, third);
  const Floats ours = dequantised(b, matrix);
  CHECK(differences(b, second.oracle(), nf4_test::quantise(second.oracle(), dynamic_map()),
                    Floats(ours.begin(), ours.begin() + 48 * 64)) == 0);
  CHECK(differences(b, third.oracle(), nf4_test::quantise(third.oracle(), dynamic_map()),
                    Floats(ours.begin() + 48 * 64, ours.end())) == 0);
}

TEST_CASE("CUDA nf4: parts that cannot be held are refused") {
  Backends b;
  Matrix matrix(b, product(8, 96));
  Tensor staged(b, weights(8, 96, 1));
  CHECK_THROWS_WITH_AS(quantise(b, matrix, 0, 1, staged), doctest::Contains("64-element blocks"), Error);
  CHECK_THROWS_AS(quantise(b, matrix, 1, 2, staged), Error);
  TensorView view{DType::f32, {1, 96}, {}, "x.safetensors", "layer.weight"};
  CHECK_THROWS_WITH_AS(check_nf4_part(matrix.shape, 0, view), doctest::Contains("\"layer.weight\""), Error);
  view.shape = {2, 96};
  check_nf4_part(matrix.shape, 0, view);
  CHECK_THROWS_AS(check_nf4_part(matrix.shape, 1, view), Error);
  quantise(b, matrix, 0, 2, staged);
  quantise(b, matrix, 4, 2, staged);
  CHECK_THROWS_WITH_AS(quantise(b, matrix, 2, 2, staged), doctest::Contains("in the order of their rows"), Error);
  quantise(b, matrix, 6, 2, staged);
}

TEST_CASE("CUDA nf4: a bitsandbytes tensor is taken over bit for bit") {
  for (const bool float32 : {false, true}) {
    CAPTURE(float32);
    Backends b({.float32 = float32});
    std::array<float, 256> map = dynamic_map();
    for (float& x : map) x = std::nextafter(x, 2.0f);  // another version's rounding stays, too
    const FileTensor q(nf4_test::quantise(weights(100, 192, 1), map), {100, 192}, DType::bf16, true);
    const FileTensor k(nf4_test::quantise(weights(27, 192, 2), dynamic_map()), {27, 192}, DType::f16, true);
    Tensor v(b, weights(30, 192, 3));
    Matrix matrix(b, product(157, 192));
    CHECK(take_over(b, matrix, 0, q.view));
    CHECK(take_over(b, matrix, 100, k.view));
    quantise(b, matrix, 127, 30, v);
    CHECK(matrix.guard_intact());
    Floats expected = q.q.values();
    for (const float x : k.q.values()) expected.push_back(x);
    for (const float x : nf4_test::quantise(v.oracle(), dynamic_map()).values()) expected.push_back(x);
    if (!float32) {
      for (float& x : expected) x = bf16_value(x);
    }
    const Floats ours = dequantised(b, matrix);
    CHECK(std::equal(ours.begin(), ours.begin() + 127 * 192, expected.begin()));
    CHECK(relative_error(ours, expected) < (float32 ? 1e-6 : 1e-3));
  }
}

TEST_CASE("CUDA nf4: a tensor of other blocks or single scales is left to be quantised, codes unchanged") {
  Backends b;
  Floats w = weights(64, 128, 4);
  for (float& x : w) x = bf16_value(x);
  const FileTensor single(nf4_test::quantise(w, dynamic_map()), {64, 128}, DType::bf16, false);
  const FileTensor wide(nf4_test::quantise(w, dynamic_map(), 128), {64, 128}, DType::bf16, true);
  Matrix matrix(b, product(64, 128));
  CHECK_FALSE(take_over(b, matrix, 0, wide.view));
  CHECK_FALSE(take_over(b, matrix, 0, TensorView{DType::f32, {64, 128}, {}, "x.safetensors", "w"}));
  REQUIRE_FALSE(take_over(b, matrix, 0, single.view));
  Floats widened(w.size());
  single.view.copy_to(widened);
  Tensor staged(b, widened);
  quantise(b, matrix, 0, 64, staged);
  const Quantised again = nf4_test::quantise(widened, dynamic_map());
  CHECK(again.codes == single.q.codes);
  CHECK(again.absmax == single.q.absmax);
  CHECK(differences(b, widened, single.q, dequantised(b, matrix)) == 0);
}
