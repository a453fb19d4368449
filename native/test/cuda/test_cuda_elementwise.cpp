/** The CUDA ops that are no products and no attention, against the CPU's on the same inputs, in both formats: odd shapes and
    addresses, the widths of Llama-3.2-1B, rows that one block cannot hold, poisoned outputs, guarded ends, equal bits. */
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "compare.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

constexpr int64_t kMostParameters = 5'000'003;

template <class Check>
void in_both_formats(const Check& check) {
  for (const bool float32 : {true, false}) {
    CAPTURE(float32);
    CudaOptions options;
    options.float32 = float32;
    Backends b(options);
    ScratchLimits limits;
    limits.tokens = 64, limits.attention = {2, 1, 64}, limits.parameters = kMostParameters;
    b.reserve(limits);
    check(b);
  }
}

/** Relative L2 of a result that is rounded once. */
double one_rounding(const Backends& b) { return b.float32 ? 1e-5 : 3e-3; }

std::vector<int32_t> random_indices(size_t count, int32_t below, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int32_t> any(0, below - 1);
  std::vector<int32_t> out(count);
  for (int32_t& x : out) x = any(engine);
  return out;
}

/** The tensor from its element `first` on: addresses that are not 16-byte aligned. */
Activation* cpu_from(Tensor& t, size_t first) {
  return reinterpret_cast<Activation*>(reinterpret_cast<float*>(t.cpu()) + first);
}
Activation* gpu_from(Backends& b, Tensor& t, size_t first) {
  return reinterpret_cast<Activation*>(reinterpret_cast<std::byte*>(t.gpu()) + first * b.gpu->activation_size());
}
const Weight* as_weight(const Activation* p) { return reinterpret_cast<const Weight*>(p); }

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Floats from(const Floats& values, size_t first) {
  return {values.begin() + static_cast<std::ptrdiff_t>(first), values.end()};
}

}  // namespace

TEST_CASE("CUDA embedding, gather and scatter move rows bit for bit") {
  struct Case {
    int64_t rows, width;
    size_t shift = 0;
  };
  in_both_formats([](Backends& b) {
    for (const Case c : {Case{1, 1}, {5, 3}, {7, 37}, {33, 64}, {9, 8200}, {300, 2048}, {6, 48, 1}, {6, 48, 8}}) {
      CAPTURE(c.rows);
      CAPTURE(c.width);
      CAPTURE(c.shift);
      constexpr int32_t kTable = 511;
      const size_t count = static_cast<size_t>(c.rows * c.width);
      Tensor table(b, normal_floats(c.shift + static_cast<size_t>(kTable * c.width), 1));
      Values<int32_t> ids(b, random_indices(static_cast<size_t>(c.rows), kTable, 2));
      Tensor y = Tensor::poisoned(b, c.shift + count);
      b.cpu->embedding(c.rows, c.width, ids.cpu(), as_weight(cpu_from(table, c.shift)), cpu_from(y, c.shift));
      b.gpu->embedding(c.rows, c.width, ids.gpu(), as_weight(gpu_from(b, table, c.shift)), gpu_from(b, y, c.shift));
      CHECK(from(y.gpu_values(), c.shift) == from(y.oracle(), c.shift));
      CHECK(y.guard_intact());

      Tensor picked = Tensor::poisoned(b, c.shift + count);
      b.cpu->gather_rows(c.rows, c.width, ids.cpu(), cpu_from(table, c.shift), cpu_from(picked, c.shift));
      b.gpu->gather_rows(c.rows, c.width, ids.gpu(), gpu_from(b, table, c.shift), gpu_from(b, picked, c.shift));
      CHECK(from(picked.gpu_values(), c.shift) == from(picked.oracle(), c.shift));
      CHECK(picked.guard_intact());

      std::vector<int32_t> places(kTable);
      std::iota(places.begin(), places.end(), 0);
      std::shuffle(places.begin(), places.end(), std::mt19937(3));
      places.resize(static_cast<size_t>(c.rows));
      Values<int32_t> index(b, places);
      Tensor spread(b, Floats(c.shift + static_cast<size_t>(kTable * c.width), -7.0f));
      b.cpu->scatter_rows(c.rows, c.width, index.cpu(), cpu_from(picked, c.shift), cpu_from(spread, c.shift));
      b.gpu->scatter_rows(c.rows, c.width, index.gpu(), gpu_from(b, picked, c.shift), gpu_from(b, spread, c.shift));
      CHECK(spread.gpu_values() == spread.oracle());
      CHECK(spread.guard_intact());
    }
  });
}

TEST_CASE("CUDA RMSNorm forward and backward") {
  struct Case {
    int64_t rows, width;
    size_t shift = 0;
  };
  in_both_formats([](Backends& b) {
    // 16,392: a bfloat16 row that one block's registers do not hold; 2,051 and 8,193: the same for single elements.
    for (const Case c : {Case{1, 1}, {3, 37}, {5, 384}, {64, 2048}, {2, 16392}, {3, 2051}, {2, 8193}, {4, 256, 1},
                         {4, 2560, 8}}) {
      CAPTURE(c.rows);
      CAPTURE(c.width);
      CAPTURE(c.shift);
      const size_t count = static_cast<size_t>(c.rows * c.width), shift = c.shift;
      Tensor x(b, normal_floats(shift + count, 4)), w(b, normal_floats(shift + static_cast<size_t>(c.width), 5));
      Tensor y = Tensor::poisoned(b, shift + count), again = Tensor::poisoned(b, shift + count);
      Values<float> rstd(b, Floats(static_cast<size_t>(c.rows), -1.0f));
      b.cpu->rms_norm_forward(c.rows, c.width, 1e-5, cpu_from(x, shift), as_weight(cpu_from(w, shift)), rstd.cpu(),
                              cpu_from(y, shift));
      for (Tensor* to : {&y, &again}) {
        b.gpu->rms_norm_forward(c.rows, c.width, 1e-5, gpu_from(b, x, shift), as_weight(gpu_from(b, w, shift)), rstd.gpu(),
                                gpu_from(b, *to, shift));
      }
      const Floats ours = from(y.gpu_values(), shift);
      CHECK(relative_error(ours, from(y.oracle(), shift)) < one_rounding(b));
      CHECK(relative_error(rstd.gpu_values(), rstd.oracle()) < 1e-5);
      CHECK(same_bits(ours, from(again.gpu_values(), shift)));
      CHECK(y.guard_intact());

      // Adds to what dx holds.
      const Floats before = normal_floats(shift + count, 7);
      Tensor dy(b, normal_floats(shift + count, 6)), dx(b, before), dx_again(b, before);
      b.cpu->rms_norm_backward(c.rows, c.width, cpu_from(x, shift), as_weight(cpu_from(w, shift)), rstd.cpu(),
                               cpu_from(dy, shift), cpu_from(dx, shift));
      for (Tensor* to : {&dx, &dx_again}) {
        b.gpu->rms_norm_backward(c.rows, c.width, gpu_from(b, x, shift), as_weight(gpu_from(b, w, shift)), rstd.gpu(),
                                 gpu_from(b, dy, shift), gpu_from(b, *to, shift));
      }
      const Floats gradient = dx.gpu_values();
      CHECK(relative_error(gradient, dx.oracle()) < one_rounding(b));
      CHECK(same_bits(gradient, dx_again.gpu_values()));
      CHECK(dx.guard_intact());
    }
  });
}

TEST_CASE("CUDA RoPE rotates the first heads alone, forward and back") {
  struct Case {
    int64_t rows, heads, heads_of_row, head_dim;
    size_t shift = 0;
  };
  in_both_formats([](Backends& b) {
    for (const Case c : {Case{1, 1, 1, 2}, {5, 3, 4, 6}, {3, 5, 7, 16}, {70, 40, 48, 64}, {5, 12, 15, 80},
                         {9, 40, 48, 128}, {3, 2, 3, 256}, {2, 7, 8, 544}, {2, 3, 4, 1024}, {2, 2, 3, 102},
                         {5, 6, 8, 64, 1}, {5, 6, 8, 64, 8}}) {
      CAPTURE(c.heads);
      CAPTURE(c.head_dim);
      CAPTURE(c.shift);
      const int64_t width = c.heads_of_row * c.head_dim, half = c.head_dim / 2;
      constexpr int32_t kPositions = 23;
      Floats angles = normal_floats(static_cast<size_t>(kPositions * half), 8), cosines = angles, sines = angles;
      for (float& x : cosines) x = std::cos(x);
      for (float& x : sines) x = std::sin(x);
      Values<float> cosine(b, cosines), sine(b, sines);
      Values<int32_t> positions(b, random_indices(static_cast<size_t>(c.rows), kPositions, 9));
      const Floats start = normal_floats(c.shift + static_cast<size_t>(c.rows * width), 10);
      for (const bool inverse : {false, true}) {
        CAPTURE(inverse);
        Tensor x(b, start);
        const Floats before = x.oracle();
        Rope op;
        op.rows = c.rows, op.heads = c.heads, op.head_dim = c.head_dim, op.row_width = width, op.inverse = inverse;
        op.positions = positions.cpu(), op.cosine = cosine.cpu(), op.sine = sine.cpu(), op.x = cpu_from(x, c.shift);
        b.cpu->rope(op);
        op.positions = positions.gpu(), op.cosine = cosine.gpu(), op.sine = sine.gpu(), op.x = gpu_from(b, x, c.shift);
        b.gpu->rope(op);
        const Floats ours = x.gpu_values();
        CHECK(relative_error(ours, x.oracle()) < one_rounding(b));
        bool rest_stays = true;
        for (int64_t i = 0; i < c.rows; ++i) {
          for (int64_t j = c.heads * c.head_dim; j < width; ++j) {
            const size_t at = c.shift + static_cast<size_t>(i * width + j);
            rest_stays = rest_stays && ours[at] == before[at];
          }
        }
        CHECK(rest_stays);
        CHECK(x.guard_intact());
      }
    }
  });
}

TEST_CASE("CUDA SwiGLU forward and backward") {
  struct Case {
    int64_t rows, width;
    size_t shift = 0;
  };
  in_both_formats([](Backends& b) {
    for (const Case c : {Case{1, 1}, {3, 37}, {5, 96}, {3, 1100}, {2, 8193}, {4, 8192}, {2, 14336}, {3, 64, 1},
                         {3, 64, 8}}) {
      CAPTURE(c.rows);
      CAPTURE(c.width);
      CAPTURE(c.shift);
      const size_t count = static_cast<size_t>(c.rows * c.width), shift = c.shift;
      Floats both = normal_floats(shift + 2 * count, 11, 2.0f);
      for (size_t i = 0; i < both.size(); i += 29) both[i] = i % 2 == 0 ? 100.0f : -100.0f;  // where e^-gate ends
      const Floats gradient = normal_floats(shift + count, 12);
      Tensor gate_up(b, both), y = Tensor::poisoned(b, shift + count);
      b.cpu->swiglu_forward(c.rows, c.width, cpu_from(gate_up, shift), cpu_from(y, shift));
      b.gpu->swiglu_forward(c.rows, c.width, gpu_from(b, gate_up, shift), gpu_from(b, y, shift));
      CHECK(relative_error(from(y.gpu_values(), shift), from(y.oracle(), shift)) < one_rounding(b));
      CHECK(y.guard_intact());

      Tensor dy(b, gradient), dy_again(b, gradient), again(b, both);
      b.cpu->swiglu_backward(c.rows, c.width, cpu_from(dy, shift), cpu_from(gate_up, shift));
      b.gpu->swiglu_backward(c.rows, c.width, gpu_from(b, dy, shift), gpu_from(b, gate_up, shift));
      b.gpu->swiglu_backward(c.rows, c.width, gpu_from(b, dy_again, shift), gpu_from(b, again, shift));
      const Floats ours = gate_up.gpu_values(), product = dy.gpu_values();
      CHECK(relative_error(ours, gate_up.oracle()) < one_rounding(b));
      CHECK(relative_error(product, dy.oracle()) < one_rounding(b));
      CHECK(same_bits(from(product, shift), from(y.gpu_values(), shift)));
      CHECK(same_bits(ours, again.gpu_values()));
      CHECK(same_bits(product, dy_again.gpu_values()));
      CHECK(gate_up.guard_intact());
      CHECK(dy.guard_intact());
    }
  });
}

TEST_CASE("CUDA cross entropy and its gradient") {
  struct Case {
    int64_t rows, vocabulary;
    size_t shift = 0;
  };
  in_both_formats([](Backends& b) {
    // Vocabularies of real models, aligned and not, and one that no cluster's registers hold.
    for (const Case c : {Case{1, 1}, {3, 7}, {5, 257}, {4, 1000, 1}, {4, 1000, 8}, {3, 32000}, {5, 50257}, {3, 128256},
                         {2, 151936}, {2, 128256, 3}, {2, 600001}}) {
      CAPTURE(c.vocabulary);
      CAPTURE(c.shift);
      const size_t rows = static_cast<size_t>(c.rows), vocabulary = static_cast<size_t>(c.vocabulary), shift = c.shift;
      Floats logits = normal_floats(shift + rows * vocabulary, 13, 3.0f);
      for (size_t j = 0; j < vocabulary; ++j) logits[shift + (rows - 1) * vocabulary + j] += 60.0f;  // beyond e^x alone
      if (vocabulary > 100) {
        logits[shift + 50] = -std::numeric_limits<float>::infinity();
        logits[shift + vocabulary - 2] = 40.0f;
      }
      std::vector<int32_t> to_hit = random_indices(rows, static_cast<int32_t>(vocabulary), 14);
      to_hit.front() = static_cast<int32_t>(vocabulary) - 1;
      if (rows > 1) to_hit[1] = 0;
      Values<int32_t> targets(b, to_hit);
      constexpr auto kLogits = Tensor::Format::logits;
      Tensor x(b, logits, kLogits), again(b, logits, kLogits), untouched(b, logits, kLogits);
      Values<float> nll(b, Floats(rows, -1.0f)), nll_again(b, Floats(rows, -1.0f)), nll_alone(b, Floats(rows, -1.0f));
      CrossEntropy op;
      op.rows = c.rows, op.vocabulary = c.vocabulary, op.backward = true, op.scale = 0.37f;
      op.targets = targets.cpu(), op.logits = cpu_from(x, shift), op.nll = nll.cpu();
      b.cpu->cross_entropy(op);
      op.targets = targets.gpu();
      op.logits = gpu_from(b, x, shift), op.nll = nll.gpu();
      b.gpu->cross_entropy(op);
      op.logits = gpu_from(b, again, shift), op.nll = nll_again.gpu();
      b.gpu->cross_entropy(op);
      op.logits = gpu_from(b, untouched, shift), op.nll = nll_alone.gpu(), op.backward = false;
      b.gpu->cross_entropy(op);

      const Floats losses = nll.gpu_values(), gradient = x.gpu_values();
      CHECK(relative_error(losses, nll.oracle()) < (b.float32 ? 1e-6 : 1e-5));
      for (size_t i = 0; i < rows; ++i) {
        CAPTURE(i);
        const auto row = [&](const Floats& all) {
          const auto first = all.begin() + static_cast<std::ptrdiff_t>(shift + i * vocabulary);
          return Floats(first, first + static_cast<std::ptrdiff_t>(vocabulary));
        };
        CHECK(relative_error(row(gradient), row(x.oracle())) < one_rounding(b));
        // The many small probabilities, which the target's -1 would hide.
        Floats ours = row(gradient), reference = row(x.oracle());
        ours[static_cast<size_t>(to_hit[i])] = reference[static_cast<size_t>(to_hit[i])] = 0;
        CHECK(relative_error(ours, reference) < one_rounding(b));
      }
      const Floats before = x.gpu_logits();
      CHECK(std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(shift), x.oracle().begin()));
      CHECK(same_bits(gradient, again.gpu_values()));
      CHECK(same_bits(losses, nll_again.gpu_values()));
      CHECK(same_bits(losses, nll_alone.gpu_values()));
      CHECK(untouched.gpu_logits() == untouched.oracle());
      CHECK(x.guard_intact());
    }
  });
}

TEST_CASE("CUDA add_sum adds, in double, the same bits every time") {
  in_both_formats([](Backends& b) {
    for (const size_t count : {0, 1, 5, 1000, 16384, 40001}) {
      for (const size_t shift : {0, 1}) {
        CAPTURE(count);
        CAPTURE(shift);
        Values<float> values(b, normal_floats(count + shift + 1, 15));
        Values<double> total(b, {3.5, 3.5});
        for (const size_t of : {0, 1}) b.gpu->add_sum(static_cast<int64_t>(count), values.gpu() + shift, total.gpu() + of);
        b.cpu->add_sum(static_cast<int64_t>(count), values.cpu() + shift, total.cpu());
        const std::vector<double> ours = total.gpu_values();
        CHECK(ours[0] == doctest::Approx(total.oracle()[0]).epsilon(1e-12));
        CHECK(ours[0] == ours[1]);
      }
    }
  });
}

TEST_CASE("CUDA gradient norm, the same bits every time") {
  in_both_formats([](Backends& b) {
    for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{4096}, int64_t{100'003}, kMostParameters}) {
      for (const size_t shift : {0, 1}) {
        CAPTURE(count);
        CAPTURE(shift);
        Values<float> gradient(b, normal_floats(static_cast<size_t>(count) + shift + 1, 16));
        Values<double> norm(b, {-1.0, -1.0});
        for (const size_t of : {0, 1}) b.gpu->gradient_norm(count, gradient.gpu() + shift, norm.gpu() + of);
        b.cpu->gradient_norm(count, gradient.cpu() + shift, norm.cpu());
        const std::vector<double> ours = norm.gpu_values();
        CHECK(ours[0] == doctest::Approx(norm.oracle()[0]).epsilon(1e-12));
        CHECK(ours[0] == ours[1]);
      }
    }
  });
}

TEST_CASE("CUDA AdamW follows the CPU for three steps, clipped and not") {
  in_both_formats([](Backends& b) {
    for (const size_t count : {size_t{1}, size_t{7}, size_t{1000}, size_t{300'001}}) {
      for (const size_t shift : {0, 1}) {
        for (const double clip : {0.0, 0.5, 1e9}) {
          CAPTURE(count);
          CAPTURE(shift);
          CAPTURE(clip);
          const size_t held = shift + count + 1;  // the last is a guard
          Values<float> p(b, normal_floats(held, 17)), m(b, normal_floats(held, 18, 0.01f)), g(b, Floats(held, -5.0f));
          Floats squares = normal_floats(held, 19, 0.01f);
          for (float& x : squares) x *= x;
          Values<float> v(b, squares);
          Values<double> norm(b, {2.5});
          const Floats first_p = p.oracle();
          for (int64_t step = 1; step <= 3; ++step) {
            const Floats gradient = normal_floats(count, 20 + static_cast<uint32_t>(step), 0.01f);
            std::copy(gradient.begin(), gradient.end(), g.cpu() + shift);
            b.gpu->copy_to_device(g.gpu() + shift, gradient.data(), count * sizeof(float));
            AdamW op;
            op.count = static_cast<int64_t>(count), op.step = step, op.clip_norm = clip;
            op.learning_rate = 2e-2, op.beta1 = 0.9, op.beta2 = 0.999, op.epsilon = 1e-8, op.weight_decay = 0.01;
            op.parameters = p.cpu() + shift, op.gradient = g.cpu() + shift;
            op.m = m.cpu() + shift, op.v = v.cpu() + shift, op.norm = norm.cpu();
            b.cpu->adamw(op);
            op.parameters = p.gpu() + shift, op.gradient = g.gpu() + shift;
            op.m = m.gpu() + shift, op.v = v.gpu() + shift, op.norm = norm.gpu();
            b.gpu->adamw(op);
          }
          CHECK(relative_error(p.gpu_values(), p.oracle()) < 1e-6);
          CHECK(relative_error(m.gpu_values(), m.oracle()) < 1e-6);
          CHECK(relative_error(v.gpu_values(), v.oracle()) < 1e-6);
          CHECK(g.gpu_values() == g.oracle());
          CHECK(p.gpu_values().back() == first_p.back());
          CHECK(relative_error(p.oracle(), first_p) > 1e-4);  // the steps are seen
        }
      }
    }
  });
}
