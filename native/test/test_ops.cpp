/** Every op against a plain double-precision reference: the forward's values, and the backward against central
    differences of that reference. Odd shapes, outputs poisoned with NaN first. */
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "dropout.h"
#include "ops.h"

using namespace tunesmith;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Floats random_floats(size_t count, uint32_t seed, float spread = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  Floats out(count);
  for (float& x : out) x = normal(engine);
  return out;
}
Floats poisoned(size_t count) { return Floats(count, kNan); }
Doubles widen(const Floats& x) { return {x.begin(), x.end()}; }

// The CPU device's activations and weights are float32 in ordinary memory.
Activation* act(Floats& x) { return reinterpret_cast<Activation*>(x.data()); }
const Activation* act(const Floats& x) { return reinterpret_cast<const Activation*>(x.data()); }
const Weight* weight(const Floats& x) { return reinterpret_cast<const Weight*>(x.data()); }

/** Largest difference, relative to the reference's largest value; infinite for NaN. */
double distance(const Floats& ours, const Doubles& reference) {
  REQUIRE(ours.size() == reference.size());
  double largest = 1e-12, worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    largest = std::max(largest, std::abs(reference[i]));
    const double d = std::abs(static_cast<double>(ours[i]) - reference[i]);
    worst = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(worst, d);
  }
  return worst / largest;
}

/** d sum(c·f(x)) / dx by central differences. */
Doubles differentiate(const std::function<Doubles(const Doubles&)>& f, const Floats& x, const Floats& c) {
  Doubles at = widen(x), out(x.size());
  const auto value = [&] {
    const Doubles y = f(at);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(c[i]);
    return sum;
  };
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < x.size(); ++i) {
    const double middle = at[i];
    at[i] = middle + kStep;
    const double high = value();
    at[i] = middle - kStep;
    const double low = value();
    at[i] = middle;
    out[i] = (high - low) / (2 * kStep);
  }
  return out;
}

constexpr double kForward = 3e-6, kBackward = 1e-5;

std::unique_ptr<Device> device_for(int threads) {
  auto device = open_cpu_device(threads);
  ScratchLimits limits;
  limits.tokens = 512, limits.attention = {4, 2, 80}, limits.parameters = 100000;
  device->reserve_scratch(limits);
  return device;
}

}  // namespace

TEST_CASE("The check itself sees a gradient that is one per cent off and a value never written") {
  const Floats x = random_floats(7, 1), c = random_floats(7, 2);
  const Doubles exact = differentiate([](const Doubles& v) { return v; }, x, c);
  Floats ours = c;
  CHECK(distance(ours, exact) < kBackward);
  const auto largest = std::max_element(ours.begin(), ours.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  *largest *= 1.01f;
  CHECK(distance(ours, exact) > kBackward);
  *largest = kNan;
  CHECK(distance(ours, exact) > kBackward);
}

TEST_CASE("Embedding, gather and scatter move rows") {
  const auto device = device_for(2);
  const Floats table = random_floats(5 * 3, 3);
  const std::vector<int32_t> ids{4, 0, 0, 3};
  Floats y = poisoned(12);
  device->embedding(4, 3, ids.data(), weight(table), act(y));
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 3; ++j) CHECK(y[i * 3 + j] == table[static_cast<size_t>(ids[i]) * 3 + j]);
  }
  const std::vector<int32_t> rows{3, 1};
  Floats picked = poisoned(6), spread(12, -7.0f);
  device->gather_rows(2, 3, rows.data(), act(y), act(picked));
  CHECK(picked[0] == y[9]);
  CHECK(picked[5] == y[5]);
  device->scatter_rows(2, 3, rows.data(), act(picked), act(spread));
  CHECK(spread[0] == -7.0f);
  CHECK(spread[3] == y[3]);
  CHECK(spread[6] == -7.0f);
  CHECK(spread[11] == y[11]);
}

TEST_CASE("RMSNorm") {
  for (const auto& [rows, width] : {std::pair<size_t, size_t>{1, 1}, {3, 37}, {5, 384}}) {
    CAPTURE(width);
    const auto device = device_for(2);
    const Floats x = random_floats(rows * width, 4), w = random_floats(width, 5), dy = random_floats(rows * width, 6);
    const double epsilon = 1e-5;
    const auto reference = [&](const Doubles& v) {
      Doubles y(v.size());
      for (size_t i = 0; i < rows; ++i) {
        double squares = 0;
        for (size_t j = 0; j < width; ++j) squares += v[i * width + j] * v[i * width + j];
        const double rstd = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
        for (size_t j = 0; j < width; ++j) y[i * width + j] = v[i * width + j] * rstd * static_cast<double>(w[j]);
      }
      return y;
    };
    Floats y = poisoned(x.size()), rstd = poisoned(rows);
    device->rms_norm_forward(static_cast<int64_t>(rows), static_cast<int64_t>(width), epsilon, act(x), weight(w),
                             rstd.data(), act(y));
    CHECK(distance(y, reference(widen(x))) < kForward);
    const Floats before = random_floats(x.size(), 7);  // the backward adds
    Floats dx = before;
    device->rms_norm_backward(static_cast<int64_t>(rows), static_cast<int64_t>(width), act(x), weight(w), rstd.data(),
                              act(dy), act(dx));
    Doubles expected = differentiate(reference, x, dy);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<double>(before[i]);
    CHECK(distance(dx, expected) < kBackward);
  }
}

TEST_CASE("RoPE rotates pairs (j, j + d/2) of the first heads alone, and back") {
  const auto device = device_for(2);
  constexpr size_t kRows = 5, kHeads = 3, kDim = 6, kWidth = 4 * kDim, kHalf = kDim / 2;
  const Floats x = random_floats(kRows * kWidth, 8);
  const std::vector<int32_t> positions{0, 1, 2, 0, 1};
  Floats cosine(3 * kHalf), sine(3 * kHalf);
  for (size_t p = 0; p < 3; ++p) {
    for (size_t j = 0; j < kHalf; ++j) {
      const double angle = static_cast<double>(p) * std::pow(10.0, -static_cast<double>(j));
      cosine[p * kHalf + j] = static_cast<float>(std::cos(angle));
      sine[p * kHalf + j] = static_cast<float>(std::sin(angle));
    }
  }
  Doubles expected = widen(x);
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t h = 0; h < kHeads; ++h) {
      for (size_t j = 0; j < kHalf; ++j) {
        const size_t low = i * kWidth + h * kDim + j, angle = static_cast<size_t>(positions[i]) * kHalf + j;
        const double c = static_cast<double>(cosine[angle]), s = static_cast<double>(sine[angle]);
        const double a = static_cast<double>(x[low]), b = static_cast<double>(x[low + kHalf]);
        expected[low] = a * c - b * s;
        expected[low + kHalf] = b * c + a * s;
      }
    }
  }
  Floats y = x;
  Rope op;
  op.rows = kRows, op.heads = kHeads, op.head_dim = kDim, op.row_width = kWidth;
  op.positions = positions.data(), op.cosine = cosine.data(), op.sine = sine.data(), op.x = act(y);
  device->rope(op);
  CHECK(distance(y, expected) < kForward);
  op.inverse = true;
  device->rope(op);
  CHECK(distance(y, widen(x)) < kForward);
}

TEST_CASE("SwiGLU") {
  const auto device = device_for(2);
  constexpr size_t kRows = 3, kWidth = 45;
  Floats gate_up = random_floats(kRows * 2 * kWidth, 9, 3.0f);
  gate_up[0] = 95.0f, gate_up[1] = -95.0f;  // where exp would overflow or vanish
  const Floats dy = random_floats(kRows * kWidth, 10);
  const auto reference = [](const Doubles& v) {
    Doubles y(kRows * kWidth);
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t j = 0; j < kWidth; ++j) {
        const double gate = v[i * 2 * kWidth + j];
        y[i * kWidth + j] = gate / (1 + std::exp(-gate)) * v[i * 2 * kWidth + kWidth + j];
      }
    }
    return y;
  };
  Floats y = poisoned(kRows * kWidth);
  device->swiglu_forward(kRows, kWidth, act(gate_up), act(y));
  CHECK(distance(y, reference(widen(gate_up))) < kForward);
  const Doubles expected = differentiate(reference, gate_up, dy), activation = reference(widen(gate_up));
  Floats d = dy;
  device->swiglu_backward(kRows, kWidth, act(d), act(gate_up));
  CHECK(distance(gate_up, expected) < kBackward);
  CHECK(distance(d, activation) < kForward);
}

namespace {

struct LinearCase {
  int64_t rows, in, out, rank;
  std::vector<std::pair<int64_t, int64_t>> parts;  // first column, columns
  bool residual;
  double dropout = 0;
  Dropout mask() const { return {dropout, 21, 3, 5, 1000}; }
};

/** What each of the adapter's inputs is multiplied by: [rows, in]. */
Doubles mask_of(const LinearCase& s) {
  const DropoutMask mask(s.mask());
  Doubles factors(static_cast<size_t>(s.rows * s.in), 1.0);
  if (s.dropout == 0) return factors;
  for (int64_t t = 0; t < s.rows; ++t) {
    for (int64_t i = 0; i < s.in; ++i) {
      factors[static_cast<size_t>(t * s.in + i)] = static_cast<double>(mask.factors(t, i / 4).of[i % 4]);
    }
  }
  return factors;
}

/** y = residual + x·wᵀ + scale·(d(x)·aᵀ)·bᵀ in double. `b` holds the parts' matrices one after the other. */
Doubles linear_reference(const LinearCase& s, double scale, const Doubles& x, const Doubles& w, const Doubles& a,
                         const Doubles& b, const Doubles& residual) {
  Doubles y(static_cast<size_t>(s.rows * s.out));
  const Doubles mask = mask_of(s);
  for (int64_t t = 0; t < s.rows; ++t) {
    const double *row = x.data() + t * s.in, *factors = mask.data() + t * s.in;
    for (int64_t o = 0; o < s.out; ++o) {
      double sum = s.residual ? residual[static_cast<size_t>(t * s.out + o)] : 0;
      for (int64_t i = 0; i < s.in; ++i) sum += row[i] * w[static_cast<size_t>(o * s.in + i)];
      y[static_cast<size_t>(t * s.out + o)] = sum;
    }
    int64_t b_row = 0;
    for (size_t p = 0; p < s.parts.size(); ++p) {
      for (int64_t o = 0; o < s.parts[p].second; ++o, ++b_row) {
        for (int64_t r = 0; r < s.rank; ++r) {
          double xa = 0;
          for (int64_t i = 0; i < s.in; ++i) {
            xa += factors[i] * row[i] * a[static_cast<size_t>((static_cast<int64_t>(p) * s.rank + r) * s.in + i)];
          }
          y[static_cast<size_t>(t * s.out + s.parts[p].first + o)] += scale * xa * b[static_cast<size_t>(b_row * s.rank + r)];
        }
      }
    }
  }
  return y;
}

void check_linear(const LinearCase& s, int threads) {
  CAPTURE(s.rows);
  CAPTURE(s.out);
  CAPTURE(s.parts.size());
  CAPTURE(s.dropout);
  const auto device = device_for(threads);
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  const int64_t columns = static_cast<int64_t>(s.parts.size()) * s.rank;
  int64_t b_rows = 0;
  for (const auto& part : s.parts) b_rows += part.second;
  const Floats x = random_floats(count(s.rows * s.in), 11), w = random_floats(count(s.out * s.in), 12);
  const Floats a = random_floats(count(columns * s.in), 13), b = random_floats(count(b_rows * s.rank), 14);
  const Floats residual = random_floats(count(s.rows * s.out), 15), dy = random_floats(count(s.rows * s.out), 16);
  const float scale = 0.75f;

  LinearLora lora;
  if (columns > 0) {
    lora.rank = s.rank, lora.scale = scale, lora.parts = static_cast<int>(s.parts.size()), lora.a = a.data();
    int64_t b_row = 0;
    for (size_t p = 0; p < s.parts.size(); ++p) {
      lora.part[p] = {s.parts[p].first, s.parts[p].second, b.data() + b_row * s.rank};
      b_row += s.parts[p].second;
    }
  }
  Floats xa = poisoned(count(s.rows * columns)), y = poisoned(count(s.rows * s.out));
  LinearForward forward;
  forward.rows = s.rows, forward.in = s.in, forward.out = s.out;
  forward.x = act(x), forward.w = weight(w), forward.lora = lora, forward.xa = act(xa);
  forward.residual = s.residual ? act(residual) : nullptr;
  Floats dropped = poisoned(x.size());
  if (s.dropout > 0) forward.dropout = s.mask(), forward.dropped = act(dropped);
  device->linear_forward(forward);  // y null: only x·aᵀ
  const Floats xa_alone = xa;
  xa = poisoned(xa.size());
  forward.xa = act(xa), forward.y = act(y);
  device->linear_forward(forward);
  CHECK(xa == xa_alone);
  if (s.out % 2 == 0) {
    const Floats y_alone = y;
    Floats fused = poisoned(y.size() / 2), apart = poisoned(y.size() / 2);
    forward.swiglu = act(fused);
    device->linear_forward(forward);
    CHECK(y == y_alone);
    device->swiglu_forward(s.rows, s.out / 2, act(y), act(apart));
    CHECK(fused == apart);
  }
  const auto f = [&](const Doubles& x_, const Doubles& a_, const Doubles& b_) {
    return linear_reference(s, static_cast<double>(scale), x_, widen(w), a_, b_, widen(residual));
  };
  CHECK(distance(y, f(widen(x), widen(a), widen(b))) < kForward);

  Floats dx = poisoned(x.size()), g = poisoned(xa.size());
  const Floats da_before = random_floats(a.size(), 17), db_before = random_floats(b.size(), 18);
  Floats da = da_before, db = db_before;
  LinearBackward backward;
  backward.rows = s.rows, backward.in = s.in, backward.out = s.out;
  backward.x = act(x), backward.w = weight(w), backward.dy = act(dy), backward.lora = lora;
  backward.xa = act(xa), backward.g = act(g), backward.dx = act(dx), backward.da = da.data();
  for (int p = 0; p < lora.parts; ++p) backward.db[p] = db.data() + (lora.part[p].b - b.data());
  std::fill(dropped.begin(), dropped.end(), kNan);
  backward.dropout = forward.dropout, backward.dropped = forward.dropped;
  device->linear_backward(backward);
  CHECK(distance(dx, differentiate([&](const Doubles& v) { return f(v, widen(a), widen(b)); }, x, dy)) < kBackward);
  if (columns == 0) return;
  Doubles da_expected = differentiate([&](const Doubles& v) { return f(widen(x), v, widen(b)); }, a, dy);
  Doubles db_expected = differentiate([&](const Doubles& v) { return f(widen(x), widen(a), v); }, b, dy);
  for (size_t i = 0; i < da.size(); ++i) da_expected[i] += static_cast<double>(da_before[i]);
  for (size_t i = 0; i < db.size(); ++i) db_expected[i] += static_cast<double>(db_before[i]);
  CHECK(distance(da, da_expected) < kBackward);
  CHECK(distance(db, db_expected) < kBackward);

  // The gradient may go on through SwiGLU.
  const Floats gate_up = random_floats(2 * x.size(), 19);
  Floats through = poisoned(x.size()), through_gate_up = gate_up, apart = dx, apart_gate_up = gate_up, unused = da_before;
  LinearBackward fused = backward;
  fused.x = nullptr, fused.dx = act(through), fused.gate_up = act(through_gate_up), fused.da = unused.data();
  Floats db_unused = db_before;
  for (int p = 0; p < lora.parts; ++p) fused.db[p] = db_unused.data() + (lora.part[p].b - b.data());
  device->linear_backward(fused);
  device->swiglu_backward(s.rows, s.in, act(apart), act(apart_gate_up));
  CHECK(through == apart);
  CHECK(through_gate_up == apart_gate_up);

  // Its dx may take the place of its x.
  Floats in_place = x;
  fused = backward;
  fused.x = act(in_place), fused.dx = act(in_place), fused.da = (unused = da_before).data();
  for (int p = 0; p < lora.parts; ++p) fused.db[p] = db_unused.data() + (lora.part[p].b - b.data());
  device->linear_backward(fused);
  CHECK(in_place == dx);
  CHECK(unused == da);

  // Without dx the adapter's gradients are the same.
  Floats da_alone = da_before, db_alone = db_before;
  backward.dx = nullptr, backward.da = da_alone.data();
  for (int p = 0; p < lora.parts; ++p) backward.db[p] = db_alone.data() + (lora.part[p].b - b.data());
  device->linear_backward(backward);
  CHECK(da_alone == da);
  CHECK(db_alone == db);

  // And da may be left for later, when x is there.
  Floats da_later = da_before, db_now = db_before;
  backward.x = nullptr, backward.da = da_later.data();
  for (int p = 0; p < lora.parts; ++p) backward.db[p] = db_now.data() + (lora.part[p].b - b.data());
  device->linear_backward(backward);
  CHECK(da_later == da_before);
  CHECK(db_now == db);
  backward.x = act(x);
  device->linear_backward_a(backward);
  CHECK(da_later == da);
  CHECK(db_now == db);
}

}  // namespace

TEST_CASE("Linear with and without LoRA") {
  check_linear({1, 3, 2, 0, {}, false}, 1);
  check_linear({7, 5, 9, 0, {}, true}, 2);
  check_linear({7, 5, 9, 2, {{0, 9}}, true}, 2);
  check_linear({5, 6, 10, 2, {{0, 5}, {5, 5}}, false}, 2);
  check_linear({6, 7, 11, 3, {{0, 4}, {4, 3}, {7, 4}}, false}, 2);
  check_linear({6, 7, 11, 3, {{0, 4}, {7, 4}}, false}, 1);  // the one in the middle is not adapted
}

TEST_CASE("Linear with dropout of LoRA's input") {
  check_linear({7, 5, 9, 0, {}, true, 0.5}, 2);  // of a product without an adapter it changes nothing
  check_linear({7, 5, 9, 2, {{0, 9}}, true, 0.5}, 2);
  check_linear({5, 6, 10, 2, {{0, 5}, {5, 5}}, false, 0.1}, 2);
  check_linear({6, 8, 11, 3, {{0, 4}, {4, 3}, {7, 4}}, false, 0.3}, 2);
  check_linear({6, 7, 11, 3, {{0, 4}, {7, 4}}, false, 0.9}, 1);
}

TEST_CASE("Philox gives the words that its authors list") {
  const auto words = [](Philox4 counter, uint64_t key) {
    const Philox4 out = philox4x32(counter, key);
    return std::vector<uint32_t>(out.word, out.word + 4);
  };
  // Random123's known answers.
  CHECK(words({{0, 0, 0, 0}}, 0) == std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(words({{~0u, ~0u, ~0u, ~0u}}, ~0ull) == std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822) ==
        std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

namespace {

/** Ones through the dropout of an adapter whose a is the identity: the mask's factors, [rows, width]. */
Floats dropped_ones(int64_t rows, int64_t width, const Dropout& dropout, int threads) {
  const Floats x(static_cast<size_t>(rows * width), 1.0f);
  Floats a(static_cast<size_t>(width * width)), xa = poisoned(x.size()), dropped = poisoned(x.size());
  for (int64_t i = 0; i < width; ++i) a[static_cast<size_t>(i * width + i)] = 1;
  LinearForward op;
  op.rows = rows, op.in = width, op.x = act(x), op.xa = act(xa);
  op.lora.rank = width, op.lora.parts = 1, op.lora.a = a.data();
  op.dropout = dropout, op.dropped = act(dropped);
  device_for(threads)->linear_forward(op);
  return xa;
}

}  // namespace

TEST_CASE("Dropout leaves out its share, enlarges the others, and follows from its numbers alone") {
  constexpr int64_t kRows = 500, kWidth = 50;
  for (const double share : {0.05, 0.5, 0.9}) {
    CAPTURE(share);
    const Dropout dropout{share, 7, 2, 3, 0};
    const Floats factors = dropped_ones(kRows, kWidth, dropout, 1);
    const float kept = static_cast<float>(1 / (1 - share));
    double left_out = 0;
    for (const float x : factors) left_out += x == 0;
    CHECK(std::all_of(factors.begin(), factors.end(), [&](float x) { return x == 0 || x == kept; }));
    // Five standard deviations.
    const double count = static_cast<double>(factors.size());
    CHECK(std::abs(left_out / count - share) < 5 * std::sqrt(share * (1 - share) / count));
    CHECK(dropped_ones(kRows, kWidth, dropout, 4) == factors);
    for (Dropout other : {Dropout{share, 8, 2, 3, 0}, Dropout{share, 7, 1, 3, 0}, Dropout{share, 7, 2, 4, 0}}) {
      // As unlike as two that know nothing of each other.
      const Floats others = dropped_ones(kRows, kWidth, other, 1);
      double same = 0;
      for (size_t i = 0; i < factors.size(); ++i) same += factors[i] == others[i];
      const double expected = share * share + (1 - share) * (1 - share);
      CHECK(std::abs(same / count - expected) < 5 * std::sqrt(expected * (1 - expected) / count));
    }
    // A later first row is the same mask, further down.
    const Floats later = dropped_ones(kRows - 100, kWidth, {share, 7, 2, 3, 100}, 1);
    CHECK(std::equal(later.begin(), later.end(), factors.begin() + 100 * kWidth));
  }
}

namespace {

struct AttentionCase {
  AttentionShape shape;
  std::vector<int32_t> starts;
};

/** Attention with the whole score matrix, in double. */
Doubles attention_reference(const AttentionCase& s, const Doubles& qkv) {
  const int64_t d = s.shape.head_dim, width = s.shape.row_width(), heads = s.shape.query_heads;
  Doubles out(static_cast<size_t>(s.starts.back() * heads * d));
  for (size_t document = 0; document + 1 < s.starts.size(); ++document) {
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t kv = h / (heads / s.shape.kv_heads);
      for (int64_t t = s.starts[document]; t < s.starts[document + 1]; ++t) {
        Doubles p;
        double sum = 0;
        for (int64_t u = s.starts[document]; u <= t; ++u) {
          double score = 0;
          for (int64_t j = 0; j < d; ++j) {
            score += qkv[static_cast<size_t>(t * width + h * d + j)] * qkv[static_cast<size_t>(u * width + (heads + kv) * d + j)];
          }
          p.push_back(std::exp(score / std::sqrt(static_cast<double>(d))));
          sum += p.back();
        }
        for (size_t u = 0; u < p.size(); ++u) {
          for (int64_t j = 0; j < d; ++j) {
            out[static_cast<size_t>((t * heads + h) * d + j)] +=
                p[u] / sum * qkv[static_cast<size_t>((s.starts[document] + static_cast<int64_t>(u)) * width + (heads + s.shape.kv_heads + kv) * d + j)];
          }
        }
      }
    }
  }
  return out;
}

Floats run_attention(Device& device, const AttentionCase& s, const Floats& qkv, Floats& lse, int64_t first_row = 0) {
  const size_t rows = static_cast<size_t>(s.starts.back() - first_row);
  Floats out = poisoned(rows * static_cast<size_t>(s.shape.query_heads * s.shape.head_dim));
  lse = poisoned(rows * static_cast<size_t>(s.shape.query_heads));
  AttentionForward op;
  op.shape = s.shape, op.documents = static_cast<int64_t>(s.starts.size()) - 1, op.starts = s.starts.data();
  op.rows = s.starts.back(), op.first_row = first_row, op.qkv = act(qkv), op.out = act(out), op.lse = lse.data();
  device.attention_forward(op);
  return out;
}

Floats run_attention_backward(Device& device, const AttentionCase& s, const Floats& qkv, const Floats& out,
                              const Floats& lse, const Floats& dout) {
  Floats dqkv = poisoned(qkv.size());
  AttentionBackward op;
  op.shape = s.shape, op.documents = static_cast<int64_t>(s.starts.size()) - 1, op.starts = s.starts.data();
  op.rows = s.starts.back(), op.qkv = act(qkv), op.out = act(out), op.lse = lse.data();
  op.dout = act(dout), op.dqkv = act(dqkv);
  device.attention_backward(op);
  return dqkv;
}

Floats attention_input(const AttentionCase& s, uint32_t seed) {
  return random_floats(static_cast<size_t>(s.starts.back() * s.shape.row_width()), seed, 1.5f);
}

}  // namespace

TEST_CASE("Attention over packed documents against central differences") {
  for (const AttentionCase& s : {AttentionCase{{1, 1, 2}, {0, 1}}, AttentionCase{{2, 1, 4}, {0, 3, 4, 9}},
                                 AttentionCase{{4, 2, 6}, {0, 7, 12}}}) {
    CAPTURE(s.starts.size());
    const auto device = device_for(2);
    const Floats qkv = attention_input(s, 19);
    Floats lse;
    const Floats out = run_attention(*device, s, qkv, lse);
    const auto reference = [&](const Doubles& v) { return attention_reference(s, v); };
    CHECK(distance(out, reference(widen(qkv))) < kForward);
    const Floats dout = random_floats(out.size(), 20);
    CHECK(distance(run_attention_backward(*device, s, qkv, out, lse, dout), differentiate(reference, qkv, dout)) < kBackward);
  }
}

TEST_CASE("Attention across tile borders: values, and the backward along random directions") {
  // Documents of several tiles, of exactly one, of one row more and of one row.
  const AttentionCase s{{2, 1, 8}, {0, 331, 395, 460, 461}};
  const auto device = device_for(2);
  const Floats qkv = attention_input(s, 21);
  Floats lse;
  const Floats out = run_attention(*device, s, qkv, lse);
  CHECK(distance(out, attention_reference(s, widen(qkv))) < kForward);
  const Floats dout = random_floats(out.size(), 22);
  const Floats dqkv = run_attention_backward(*device, s, qkv, out, lse, dout);
  for (uint32_t seed = 30; seed < 34; ++seed) {
    const Floats direction = random_floats(qkv.size(), seed);
    const auto along = [&](double step) {
      Doubles moved = widen(qkv);
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * static_cast<double>(direction[i]);
      const Doubles y = attention_reference(s, moved);
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * static_cast<double>(dout[i]);
      return sum;
    };
    double ours = 0, scale = 0;
    for (size_t i = 0; i < dqkv.size(); ++i) {
      ours += static_cast<double>(dqkv[i]) * static_cast<double>(direction[i]);
      scale += static_cast<double>(dqkv[i]) * static_cast<double>(dqkv[i]);
    }
    CHECK(std::abs(ours - (along(1e-5) - along(-1e-5)) / 2e-5) < kBackward * std::sqrt(scale));
  }
}

TEST_CASE("Attention with a cache gives the last rows of the whole") {
  const AttentionCase s{{4, 2, 8}, {0, 300}};
  const auto device = device_for(2);
  const Floats qkv = attention_input(s, 23);
  Floats lse, last_lse;
  const Floats out = run_attention(*device, s, qkv, lse);
  for (const int64_t first : {299, 260, 5}) {
    const Floats last = run_attention(*device, s, qkv, last_lse, first);
    const Floats tail(out.end() - static_cast<ptrdiff_t>(last.size()), out.end());
    CHECK(distance(last, widen(tail)) < kForward);
  }
}

TEST_CASE("No document sees another, bit for bit") {
  const AttentionCase packed{{2, 1, 8}, {0, 70, 150}}, alone{{2, 1, 8}, {0, 80}};
  const auto device = device_for(2);
  const Floats qkv = attention_input(packed, 24);
  const size_t width = static_cast<size_t>(packed.shape.row_width());
  const Floats second(qkv.begin() + static_cast<ptrdiff_t>(70 * width), qkv.end());
  Floats lse, lse_alone;
  const Floats out = run_attention(*device, packed, qkv, lse), out_alone = run_attention(*device, alone, second, lse_alone);
  CHECK(std::equal(out_alone.begin(), out_alone.end(), out.end() - static_cast<ptrdiff_t>(out_alone.size())));
  const Floats dout = random_floats(out.size(), 25);
  const Floats dout_alone(dout.end() - static_cast<ptrdiff_t>(out_alone.size()), dout.end());
  const Floats d = run_attention_backward(*device, packed, qkv, out, lse, dout);
  const Floats d_alone = run_attention_backward(*device, alone, second, out_alone, lse_alone, dout_alone);
  CHECK(std::equal(d_alone.begin(), d_alone.end(), d.end() - static_cast<ptrdiff_t>(d_alone.size())));
}

TEST_CASE("Cross-entropy and its gradient") {
  const auto device = device_for(2);
  for (const size_t vocabulary : {size_t{2}, size_t{77}, size_t{2500}}) {
    CAPTURE(vocabulary);
    constexpr size_t kRows = 3;
    Floats logits = random_floats(kRows * vocabulary, 26, 4.0f);
    logits[1] = 150.0f;  // exp overflows float32
    const std::vector<int32_t> targets{0, static_cast<int32_t>(vocabulary) - 1, 1};
    const auto reference = [&](const Doubles& v) {
      Doubles nll(kRows);
      for (size_t i = 0; i < kRows; ++i) {
        const double* row = v.data() + i * vocabulary;
        const double maximum = *std::max_element(row, row + vocabulary);
        double sum = 0;
        for (size_t j = 0; j < vocabulary; ++j) sum += std::exp(row[j] - maximum);
        nll[i] = maximum + std::log(sum) - row[targets[i]];
      }
      return nll;
    };
    Floats nll = poisoned(kRows), again = logits, nll_again = poisoned(kRows);
    CrossEntropy op;
    op.rows = kRows, op.vocabulary = static_cast<int64_t>(vocabulary), op.targets = targets.data();
    op.logits = act(again), op.nll = nll.data();
    device->cross_entropy(op);
    CHECK(again == logits);  // forward alone leaves the logits
    CHECK(distance(nll, reference(widen(logits))) < kForward);
    op.backward = true, op.scale = 0.5f, op.nll = nll_again.data();
    device->cross_entropy(op);
    CHECK(nll_again == nll);
    CHECK(distance(again, differentiate(reference, logits, Floats(kRows, 0.5f))) < kBackward);
    double total = 1.5;
    device->add_sum(kRows, nll.data(), &total);
    CHECK(total == doctest::Approx(1.5 + static_cast<double>(nll[0]) + static_cast<double>(nll[1]) + static_cast<double>(nll[2])));
  }
}

TEST_CASE("Gradient norm over several blocks, the same for any number of threads") {
  const Floats g = random_floats(50001, 27);
  double squares = 0;
  for (const float x : g) squares += static_cast<double>(x) * static_cast<double>(x);
  double one = 0, two = 0;
  device_for(1)->gradient_norm(static_cast<int64_t>(g.size()), g.data(), &one);
  device_for(2)->gradient_norm(static_cast<int64_t>(g.size()), g.data(), &two);
  CHECK(one == doctest::Approx(std::sqrt(squares)).epsilon(1e-12));
  CHECK(one == two);
}

TEST_CASE("AdamW follows torch's formula, with decay and clipping") {
  for (const double clip : {0.0, 0.5, 1e6}) {
    CAPTURE(clip);
    const auto device = device_for(2);
    constexpr size_t kCount = 40000;
    Floats p = random_floats(kCount, 28), m(kCount, 0.0f), v(kCount, 0.0f);
    Doubles rp = widen(p), rm(kCount, 0.0), rv(kCount, 0.0);
    const double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.1;
    for (int64_t step = 1; step <= 4; ++step) {
      Floats g = random_floats(kCount, 40 + static_cast<uint32_t>(step), 0.02f);
      double norm = 0;
      device->gradient_norm(kCount, g.data(), &norm);
      const double factor = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0;
      for (size_t i = 0; i < kCount; ++i) {
        const double gradient = static_cast<double>(g[i]) * factor;
        rp[i] *= 1 - rate * decay;
        rm[i] = beta1 * rm[i] + (1 - beta1) * gradient;
        rv[i] = beta2 * rv[i] + (1 - beta2) * gradient * gradient;
        const double corrected = std::sqrt(rv[i]) / std::sqrt(1 - std::pow(beta2, step)) + epsilon;
        rp[i] -= rate / (1 - std::pow(beta1, step)) * rm[i] / corrected;
      }
      AdamW op;
      op.count = kCount, op.parameters = p.data(), op.gradient = g.data(), op.m = m.data(), op.v = v.data();
      op.learning_rate = rate, op.beta1 = beta1, op.beta2 = beta2, op.epsilon = epsilon, op.weight_decay = decay;
      op.step = step, op.norm = &norm, op.clip_norm = clip;
      device->adamw(op);
      CHECK(std::all_of(g.begin(), g.end(), [](float x) { return x == 0; }));
    }
    CHECK(distance(p, rp) < 1e-6);
    CHECK(distance(m, rm) < 1e-6);
    CHECK(distance(v, rv) < 1e-6);
  }
}
