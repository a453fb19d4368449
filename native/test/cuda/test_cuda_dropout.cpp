/** Dropout of an adapter's input: the mask against the host's to the bit, and linear ops with it against the CPU. */
#include <cuda_runtime.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "compare.h"
#include "cuda/dropout_mask.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

const Dropout kDropout{0.3, 0x123456789abcdefull, 4, 9, 77};

template <class Work>
void in_both_precisions(const Work& work) {
  for (const bool float32 : {false, true}) {
    CudaOptions options;
    options.float32 = float32;
    Backends b(options);
    work(b);
  }
}

void check_mask(Backends& b, int64_t rows, int64_t width, bool add) {
  CAPTURE(rows); CAPTURE(width); CAPTURE(add); CAPTURE(b.float32);
  const size_t count = static_cast<size_t>(rows * width);
  Tensor x(b, normal_floats(count, 1));
  Tensor y = add ? Tensor(b, normal_floats(count, 2)) : Tensor::poisoned(b, count);
  const DropoutMask mask(kDropout);
  const auto apply = [&]<class T>(T*) {
    apply_mask(CudaTarget{}, mask, rows, width, as<T>(x.gpu()), as<T>(y.gpu()), add);
  };
  b.gpu->synchronize();
  b.float32 ? apply(static_cast<float*>(nullptr)) : apply(static_cast<__nv_bfloat16*>(nullptr));
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  const Floats ours = y.gpu_values();
  CHECK(y.guard_intact());
  Floats expected(count);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      const size_t at = static_cast<size_t>(i * width + j);
      const float sum = x.oracle()[at] * mask.factors(i, j / 4).of[j % 4] + (add ? y.oracle()[at] : 0.0f);
      expected[at] = b.float32 ? sum : bf16_value(sum);
    }
  }
  // A fused multiply-add may round otherwise than the two; what is left out comes out as it was in any case.
  if (add) {
    CHECK(relative_error(ours, expected) < (b.float32 ? 1e-6 : 1e-3));
  } else {
    CHECK((ours == expected));
  }
}

struct LinearCase {
  int64_t rows, in, out, rank;
  std::vector<std::pair<int64_t, int64_t>> parts;  // first column, columns
  bool swiglu = false;  // the forward's output goes on through it, and so does the gradient of its input
};

/** The adapter of a case on one backend. */
LinearLora adapter_of(const LinearCase& c, const float* a, const std::vector<const float*>& b, void* copy) {
  LinearLora lora;
  lora.rank = c.rank, lora.scale = 0.75f, lora.parts = static_cast<int>(c.parts.size()), lora.a = a, lora.copy = copy;
  for (size_t p = 0; p < c.parts.size(); ++p) lora.part[p] = {c.parts[p].first, c.parts[p].second, b[p]};
  return lora;
}

/** The first `columns` of each row of `stride`. */
Floats narrowed(const Floats& x, int64_t columns, int64_t stride) {
  Floats out;
  for (size_t row = 0; row < x.size(); row += static_cast<size_t>(stride)) {
    out.insert(out.end(), x.begin() + static_cast<int64_t>(row), x.begin() + static_cast<int64_t>(row) + columns);
  }
  return out;
}

void check_linear(Backends& b, const LinearCase& c) {
  CAPTURE(c.rows); CAPTURE(c.in); CAPTURE(c.out); CAPTURE(c.rank); CAPTURE(c.parts.size()); CAPTURE(b.float32);
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  const int64_t columns = static_cast<int64_t>(c.parts.size()) * c.rank, stride = b.gpu->adapter_stride(columns);
  ScratchLimits limits;
  limits.tokens = c.rows, limits.attention = {1, 1, 16}, limits.parameters = columns * (c.in + c.out);
  limits.product_weights = c.in * c.out, limits.widest = std::max(c.in, c.out), limits.adapter_columns = columns;
  b.reserve(limits);

  Tensor x(b, normal_floats(count(c.rows * c.in), 1)), dy(b, normal_floats(count(c.rows * c.out), 2));
  Tensor w(b, normal_floats(count(c.out * c.in), 3, 0.1f)), gate_up(b, normal_floats(count(c.rows * 2 * c.in), 4));
  Values<float> a(b, normal_floats(count(columns * c.in), 5, 0.2f)), da(b, normal_floats(count(columns * c.in), 6));
  std::vector<std::unique_ptr<Values<float>>> masters, db;
  std::vector<const float*> cpu_b, gpu_b;
  for (size_t p = 0; p < c.parts.size(); ++p) {
    const size_t size = count(c.parts[p].second * c.rank);
    masters.push_back(std::make_unique<Values<float>>(b, normal_floats(size, 10 + static_cast<uint32_t>(p), 0.2f)));
    db.push_back(std::make_unique<Values<float>>(b, normal_floats(size, 20 + static_cast<uint32_t>(p))));
    cpu_b.push_back(masters.back()->cpu()), gpu_b.push_back(masters.back()->gpu());
  }
  Tensor copy = Tensor::poisoned(b, count(stride * (c.in + c.out)));
  const LinearLora on_cpu = adapter_of(c, a.cpu(), cpu_b, nullptr), on_gpu = adapter_of(c, a.gpu(), gpu_b, copy.gpu());
  b.gpu->round_adapter(on_gpu, c.in, c.out);

  const auto poisoned = [&](int64_t size) { return Tensor::poisoned(b, count(size)); };
  Tensor xa = poisoned(c.rows * stride), y = poisoned(c.rows * c.out), half = poisoned(c.rows * c.out / 2);
  Tensor dropped = poisoned(c.rows * c.in), g = poisoned(c.rows * stride), dx = poisoned(c.rows * c.in);
  Floats cpu_xa(count(c.rows * columns)), cpu_g(cpu_xa.size());
  const auto cpu_memory = [](Floats& values) { return reinterpret_cast<Activation*>(values.data()); };

  LinearForward forward;
  forward.rows = c.rows, forward.in = c.in, forward.out = c.out, forward.use = WeightShape::Use::table;
  forward.dropout = kDropout;
  LinearForward of_gpu = forward;
  forward.x = x.cpu(), forward.w = w.cpu_weight(), forward.lora = on_cpu, forward.xa = cpu_memory(cpu_xa);
  forward.dropped = dropped.cpu(), forward.y = y.cpu(), forward.swiglu = c.swiglu ? half.cpu() : nullptr;
  of_gpu.x = x.gpu(), of_gpu.w = w.gpu_weight(), of_gpu.lora = on_gpu, of_gpu.xa = xa.gpu();
  of_gpu.dropped = dropped.gpu(), of_gpu.y = y.gpu(), of_gpu.swiglu = c.swiglu ? half.gpu() : nullptr;
  b.cpu->linear_forward(forward);
  b.gpu->linear_forward(of_gpu);
  CHECK(relative_error(narrowed(xa.gpu_values(), columns, stride), cpu_xa) < b.tolerance());
  CHECK(relative_error(y.gpu_values(), y.oracle()) < b.tolerance());
  if (c.swiglu) CHECK(relative_error(half.gpu_values(), half.oracle()) < 2 * b.tolerance());
  CHECK(dropped.guard_intact());

  LinearBackward backward;
  backward.rows = c.rows, backward.in = c.in, backward.out = c.out, backward.use = WeightShape::Use::table;
  backward.dropout = kDropout;
  LinearBackward back_of_gpu = backward;
  backward.w = w.cpu_weight(), backward.dy = dy.cpu(), backward.lora = on_cpu, backward.xa = cpu_memory(cpu_xa);
  backward.g = cpu_memory(cpu_g), backward.da = da.cpu(), backward.dx = dx.cpu(), backward.dropped = dropped.cpu();
  back_of_gpu.w = w.gpu_weight(), back_of_gpu.dy = dy.gpu(), back_of_gpu.lora = on_gpu, back_of_gpu.xa = xa.gpu();
  back_of_gpu.g = g.gpu(), back_of_gpu.da = da.gpu(), back_of_gpu.dx = dx.gpu(), back_of_gpu.dropped = dropped.gpu();
  for (size_t p = 0; p < c.parts.size(); ++p) backward.db[p] = db[p]->cpu(), back_of_gpu.db[p] = db[p]->gpu();
  if (c.swiglu) {
    backward.gate_up = gate_up.cpu(), back_of_gpu.gate_up = gate_up.gpu();
  } else {
    backward.x = x.cpu(), back_of_gpu.x = x.gpu();
  }
  b.cpu->linear_backward(backward);
  b.gpu->linear_backward(back_of_gpu);
  CHECK(relative_error(dx.gpu_values(), dx.oracle()) < b.tolerance());
  if (c.swiglu) {
    CHECK(relative_error(gate_up.gpu_values(), gate_up.oracle()) < b.tolerance());
    // As the model does it: A's gradient from the activation that SwiGLU's backward has put in place of its gradient.
    backward.x = dx.cpu(), back_of_gpu.x = dx.gpu();
    b.cpu->linear_backward_a(backward);
    b.gpu->linear_backward_a(back_of_gpu);
  }
  CHECK(relative_error(da.gpu_values(), da.oracle()) < b.tolerance());
  for (const auto& part : db) CHECK(relative_error(part->gpu_values(), part->oracle()) < b.tolerance());
  for (Tensor* tensor : {&xa, &y, &half, &dropped, &g, &dx, &gate_up}) CHECK(tensor->guard_intact());
}

}  // namespace

TEST_CASE("CUDA dropout: the host's mask, written and added") {
  in_both_precisions([](Backends& b) {
    for (const bool add : {false, true}) {
      for (const int64_t width : {1, 3, 4, 8, 100, 2048, 2049, 8192}) check_mask(b, 7, width, add);
      for (const int64_t rows : {0, 1, 3000}) check_mask(b, rows, 264, add);
    }
  });
}

TEST_CASE("CUDA linear ops with dropout of the adapter's input agree with the CPU's") {
  in_both_precisions([](Backends& b) {
    check_linear(b, {1, 8, 8, 1, {{0, 8}}});
    check_linear(b, {13, 21, 33, 3, {{0, 33}}});
    check_linear(b, {130, 256, 384, 8, {{0, 256}, {256, 64}, {320, 64}}});
    check_linear(b, {130, 256, 384, 16, {{0, 256}, {320, 64}}});
    check_linear(b, {300, 256, 256, 64, {{0, 256}}});
    check_linear(b, {130, 256, 512, 16, {{0, 256}, {256, 256}}, true});
    check_linear(b, {70, 40, 44, 5, {{0, 22}, {22, 22}}, true});
  });
}
