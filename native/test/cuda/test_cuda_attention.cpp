/** Attention on the GPU, each of its implementations, against the CPU's: grouped heads, packed documents of all lengths, a
    cache of keys and values. */
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <string>

#include "compare.h"
#include "cuda/attention.h"
#include "cuda/check.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kGuard = 64;

enum class Path { device, plain, mma, sm90 };

const char* name_of(Path path) {
  constexpr std::array<const char*, 4> kNames{"device", "plain", "mma", "sm90"};
  return kNames[static_cast<size_t>(path)];
}

CudaTarget target_of_gpu() {
  CudaTarget target;
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&target.multiprocessors, cudaDevAttrMultiProcessorCount, 0);
  cudaDeviceGetAttribute(&target.shared_memory, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
  target.capability = major * 10 + minor;
  return target;
}

struct Packed {
  AttentionShape shape;
  std::vector<int32_t> starts;
  int64_t first_row = 0;
  int64_t rows() const { return starts.back(); }
  int64_t new_rows() const { return rows() - first_row; }
  int64_t documents() const { return static_cast<int64_t>(starts.size()) - 1; }
  size_t qkv_size() const { return static_cast<size_t>(rows() * shape.row_width()); }
  size_t out_size() const { return static_cast<size_t>(new_rows() * shape.query_heads * shape.head_dim); }
  size_t lse_size() const { return static_cast<size_t>(new_rows() * shape.query_heads); }
};

std::vector<int32_t> starts_of(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> starts{0};
  for (const int32_t length : lengths) starts.push_back(starts.back() + length);
  return starts;
}

/** Lengths around every implementation's block sizes. */
std::vector<int32_t> awkward_documents() {
  return starts_of({1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 117, 127, 128, 129, 1, 200, 257, 300, 7});
}

std::vector<Path> paths_of(const Backends& b, const Packed& p) {
  std::vector<Path> paths{Path::device, Path::plain};
  if (!b.float32 && attention_mma_takes(p.shape)) paths.push_back(Path::mma);
  if (!b.float32 && attention_sm90_takes(target_of_gpu(), p.shape, p.first_row)) paths.push_back(Path::sm90);
  return paths;
}

/** Scratch of exactly the promised size, every byte 0xFF, followed by a guard. */
class Scratch {
 public:
  Scratch(Backends& b, const Packed& p)
      : floats_(attention_scratch_bytes(p.shape, p.rows()) / sizeof(float)), values_(b, Floats(floats_ + kGuard, kNan)) {}
  void* gpu() { return values_.gpu(); }
  bool guard_intact() {
    const Floats all = values_.gpu_values();
    return std::all_of(all.begin() + static_cast<std::ptrdiff_t>(floats_), all.end(), [](float x) { return std::isnan(x); });
  }

 private:
  size_t floats_;
  Values<float> values_;
};

template <class Op>
using Implementation = void (*)(const CudaTarget&, const Op&, void*);

template <class Op>
void run_on(Backends& b, Implementation<Op> implementation, const Packed& p, const Op& op) {
  Scratch scratch(b, p);
  b.gpu->synchronize();
  implementation(target_of_gpu(), op, scratch.gpu());
  check_cuda(cudaDeviceSynchronize(), "testing attention");
  CHECK(scratch.guard_intact());
}

void run_forward(Backends& b, Path path, const Packed& p, const AttentionForward& op) {
  switch (path) {
    case Path::device: return b.gpu->attention_forward(op);
    case Path::plain: return run_on(b, b.float32 ? &attention_forward_f32 : &attention_forward_plain, p, op);
    case Path::mma: return run_on(b, &attention_forward_mma, p, op);
    case Path::sm90: return run_on(b, &attention_forward_sm90, p, op);
  }
}

void run_backward(Backends& b, Path path, const Packed& p, const AttentionBackward& op) {
  switch (path) {
    case Path::device: return b.gpu->attention_backward(op);
    case Path::plain: return run_on(b, b.float32 ? &attention_backward_f32 : &attention_backward_plain, p, op);
    case Path::mma: return run_on(b, &attention_backward_mma, p, op);
    case Path::sm90: return run_on(b, &attention_backward_sm90, p, op);
  }
}

struct Result {
  Floats out, lse;
};

Result forward(Backends& b, Path path, const Packed& p, Tensor& qkv) {
  Values<int32_t> starts(b, p.starts);
  Tensor out = Tensor::poisoned(b, p.out_size());
  Values<float> lse(b, Floats(p.lse_size() + kGuard, kNan));
  AttentionForward op;
  op.shape = p.shape, op.documents = p.documents(), op.rows = p.rows(), op.starts = starts.gpu();
  op.first_row = p.first_row, op.qkv = qkv.gpu(), op.out = out.gpu(), op.lse = lse.gpu();
  run_forward(b, path, p, op);
  Result result{out.gpu_values(), lse.gpu_values()};
  CHECK(out.guard_intact());
  CHECK(std::all_of(result.lse.begin() + static_cast<std::ptrdiff_t>(p.lse_size()), result.lse.end(),
                    [](float x) { return std::isnan(x); }));
  result.lse.resize(p.lse_size());
  return result;
}

Result forward_on_cpu(Backends& b, const Packed& p, Tensor& qkv) {
  Result result{Floats(p.out_size(), kNan), Floats(p.lse_size(), kNan)};
  AttentionForward op;
  op.shape = p.shape, op.documents = p.documents(), op.rows = p.rows(), op.starts = p.starts.data();
  op.first_row = p.first_row, op.qkv = qkv.cpu(), op.lse = result.lse.data();
  op.out = reinterpret_cast<Activation*>(result.out.data());
  b.cpu->attention_forward(op);
  return result;
}

/** Both backends from the same out and lse. */
Floats backward(Backends& b, Path path, const Packed& p, Tensor& qkv, Tensor& out, Values<float>& lse, Tensor& dout) {
  Values<int32_t> starts(b, p.starts);
  Tensor dqkv = Tensor::poisoned(b, p.qkv_size());
  AttentionBackward op;
  op.shape = p.shape, op.documents = p.documents(), op.rows = p.rows(), op.starts = starts.gpu(), op.qkv = qkv.gpu();
  op.out = out.gpu(), op.lse = lse.gpu(), op.dout = dout.gpu(), op.dqkv = dqkv.gpu();
  run_backward(b, path, p, op);
  Floats result = dqkv.gpu_values();
  CHECK(dqkv.guard_intact());
  return result;
}

Floats backward_on_cpu(Backends& b, const Packed& p, Tensor& qkv, Tensor& out, Values<float>& lse, Tensor& dout) {
  Floats dqkv(p.qkv_size(), kNan);
  AttentionBackward op;
  op.shape = p.shape, op.documents = p.documents(), op.rows = p.rows(), op.starts = p.starts.data(), op.qkv = qkv.cpu();
  op.out = out.cpu(), op.lse = lse.cpu(), op.dout = dout.cpu(), op.dqkv = reinterpret_cast<Activation*>(dqkv.data());
  b.cpu->attention_backward(op);
  return dqkv;
}

/** Some columns of all rows: their error relative to their own norm, and the worst row's relative to its own and an average
    row's norm, which finds one wrong row of a small document. `least`: a norm to which nothing is relative below. */
struct Deviation {
  double norm = 0, whole = 0, worst_row = 0;
};
Deviation deviation(const Floats& ours, const Floats& reference, int64_t width, int64_t first, int64_t count, double least) {
  const size_t rows = reference.size() / static_cast<size_t>(width);
  std::vector<double> differences(rows), norms(rows);
  double difference = 0, squares = 0;
  for (size_t r = 0; r < rows; ++r) {
    for (int64_t c = first; c < first + count; ++c) {
      const size_t i = r * static_cast<size_t>(width) + static_cast<size_t>(c);
      const double y = static_cast<double>(reference[i]), d = static_cast<double>(ours[i]) - y;
      differences[r] += d * d, norms[r] += y * y;
    }
    difference += differences[r], squares += norms[r];
  }
  Deviation result;
  result.norm = std::sqrt(squares);
  const double norm = std::max(result.norm, least);
  result.whole = std::sqrt(difference) / norm;
  for (size_t r = 0; r < rows; ++r) {
    const double row = std::sqrt(differences[r]) / (std::sqrt(norms[r]) + norm / std::sqrt(static_cast<double>(rows)));
    // Written so that what is not a number counts.
    if (!(row <= result.worst_row)) result.worst_row = std::isfinite(row) ? row : std::numeric_limits<double>::infinity();
  }
  if (!std::isfinite(result.whole)) result.whole = std::numeric_limits<double>::infinity();
  return result;
}

void check_close(const Backends& b, const Deviation& d) {
  CHECK(d.whole < b.tolerance());
  CHECK(d.worst_row < 5 * b.tolerance());
}

void check_forward(const Backends& b, const Packed& p, const Result& ours, const Result& reference) {
  const int64_t width = p.shape.query_heads * p.shape.head_dim;
  check_close(b, deviation(ours.out, reference.out, width, 0, width, 0));
  // Not rounded to bf16: products of bf16 values are exact in float32, so only their sums differ.
  double worst = 0;
  for (size_t i = 0; i < reference.lse.size(); ++i) {
    const double d = std::abs(static_cast<double>(ours.lse[i]) - static_cast<double>(reference.lse[i]));
    if (!(d <= worst)) worst = std::isfinite(d) ? d : std::numeric_limits<double>::infinity();
  }
  CHECK(worst < 1e-4);
}

void check_backward(const Backends& b, const Packed& p, const Floats& ours, const Floats& reference) {
  const AttentionShape& s = p.shape;
  const int64_t width = s.row_width(), q = s.query_heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const Deviation dv = deviation(ours, reference, width, q + kv, kv, 0);
  check_close(b, dv);
  // Of documents of few tokens, the gradients of q and k are nearly nothing.
  check_close(b, deviation(ours, reference, width, 0, q, 0.05 * dv.norm));
  check_close(b, deviation(ours, reference, width, q, kv, 0.05 * dv.norm));
}

void reserve(Backends& b, const Packed& p) {
  ScratchLimits limits;
  limits.tokens = p.rows(), limits.attention = p.shape, limits.parameters = 1;
  limits.widest = 64, limits.adapter_columns = 16;
  b.reserve(limits);
}

/** Every implementation, forward and backward, and each of them twice to the same bits. */
void check_packed(Backends& b, const Packed& p, const Floats& values) {
  CAPTURE(b.float32);
  CAPTURE(p.shape.query_heads);
  CAPTURE(p.shape.kv_heads);
  CAPTURE(p.shape.head_dim);
  CAPTURE(p.documents());
  CAPTURE(p.rows());
  reserve(b, p);
  Tensor qkv(b, values);
  const Result reference = forward_on_cpu(b, p, qkv);
  Tensor out(b, reference.out), dout(b, normal_floats(p.out_size(), 12));
  Values<float> lse(b, reference.lse);
  const Floats gradient = backward_on_cpu(b, p, qkv, out, lse, dout);
  for (const Path path : paths_of(b, p)) {
    const std::string implementation = name_of(path);
    CAPTURE(implementation);
    const Result ours = forward(b, path, p, qkv);
    check_forward(b, p, ours, reference);
    const Floats dqkv = backward(b, path, p, qkv, out, lse, dout);
    check_backward(b, p, dqkv, gradient);
    const Result again = forward(b, path, p, qkv);
    CHECK(again.out == ours.out);
    CHECK(again.lse == ours.lse);
    CHECK(backward(b, path, p, qkv, out, lse, dout) == dqkv);
  }
}

void check_packed(Backends& b, const Packed& p) { check_packed(b, p, normal_floats(p.qkv_size(), 11, 1.3f)); }

/** Calls `work` with the GPU in float32 and in bf16. */
void for_formats(const std::function<void(Backends&)>& work) {
  for (const bool float32 : {true, false}) {
    CudaOptions options;
    options.float32 = float32;
    Backends b(options);
    work(b);
  }
}

}  // namespace

TEST_CASE("CUDA attention lists the tiles of packed documents") {
  Backends b;
  std::vector<int32_t> many;
  for (int32_t i = 0; i < 2500; ++i) many.push_back(i % 7 == 3 ? 0 : i % 131);
  struct Case {
    std::vector<int32_t> starts;
    int64_t first_row, block;
  };
  for (const Case& c : {Case{{0, 1}, 0, 64}, Case{{0, 300}, 0, 128}, Case{{0, 300}, 299, 64}, Case{{0, 10, 300}, 131, 32},
                        Case{starts_of(many), 0, 16}, Case{starts_of(many), 1000, 64}, Case{awkward_documents(), 0, 64}}) {
    const int64_t documents = static_cast<int64_t>(c.starts.size()) - 1;
    const int64_t limit = attention_tile_limit(c.starts.back() - c.first_row, documents, c.block);
    std::vector<int32_t> expected;
    for (int64_t i = 0; i < documents; ++i) {
      const int32_t begin = c.starts[static_cast<size_t>(i)], end = c.starts[static_cast<size_t>(i) + 1];
      const int64_t first = std::max<int64_t>(begin, c.first_row);
      for (int64_t tile = (end - first + c.block - 1) / c.block - 1; tile >= 0 && end > first; --tile) {
        expected.insert(expected.end(), {begin, end, static_cast<int32_t>(first + tile * c.block)});
      }
    }
    REQUIRE(static_cast<int64_t>(expected.size()) <= 3 * limit);
    expected.resize(static_cast<size_t>(3 * limit), 0);
    expected.resize(expected.size() + kGuard, -1);
    Values<int32_t> starts(b, c.starts);
    Values<int32_t> tiles(b, std::vector<int32_t>(expected.size(), -1));
    b.gpu->synchronize();
    list_attention_tiles(target_of_gpu(), documents, starts.gpu(), c.first_row, c.block, limit,
                         reinterpret_cast<AttentionTile*>(tiles.gpu()));
    check_cuda(cudaDeviceSynchronize(), "testing attention");
    CHECK(tiles.gpu_values() == expected);
  }
}

TEST_CASE("CUDA attention with heads grouped by 1, 2, 3, 4 and 8") {
  for_formats([](Backends& b) {
    for (const AttentionShape& s : {AttentionShape{3, 3, 64}, AttentionShape{4, 2, 64}, AttentionShape{6, 2, 64},
                                    AttentionShape{8, 2, 64}, AttentionShape{8, 1, 64}, AttentionShape{2, 2, 128},
                                    AttentionShape{4, 2, 128}, AttentionShape{3, 1, 128}, AttentionShape{8, 1, 128}}) {
      check_packed(b, {s, awkward_documents()});
    }
  });
}

TEST_CASE("CUDA attention with other head sizes") {
  for_formats([](Backends& b) {
    for (const int64_t head_dim : {2, 16, 20, 32, 48, 80, 96, 100, 112, 144, 256}) {
      check_packed(b, {{4, 2, head_dim}, awkward_documents()});
    }
  });
}

TEST_CASE("CUDA attention over single tokens, and over more documents than the list takes at once") {
  for_formats([](Backends& b) {
    std::vector<int32_t> many(2500);
    for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int32_t>(1 + i % 3);
    for (const int64_t head_dim : {64, 128}) {
      check_packed(b, {{2, 1, head_dim}, {0, 1}});
      check_packed(b, {{2, 1, head_dim}, starts_of(std::vector<int32_t>(40, 1))});
      check_packed(b, {{2, 1, head_dim}, starts_of(many)});
    }
  });
}

TEST_CASE("CUDA attention over long documents") {
  for_formats([](Backends& b) {
    check_packed(b, {{2, 1, 64}, starts_of({8192})});
    check_packed(b, {{1, 1, 128}, starts_of({8192})});
    check_packed(b, {{4, 1, 64}, starts_of({5, 4000, 1024, 1, 2047})});
  });
}

TEST_CASE("CUDA attention where scores rise along a document") {
  // The exponents' reference must follow: the last keys' scores are a hundred times the first ones'.
  for_formats([](Backends& b) {
    for (const int64_t head_dim : {64, 128}) {
      const Packed p{{4, 2, head_dim}, starts_of({700, 333})};
      Floats values = normal_floats(p.qkv_size(), 13);
      const int64_t width = p.shape.row_width(), keys = p.shape.query_heads * head_dim;
      for (int64_t row = 0; row < p.rows(); ++row) {
        const float factor = 0.1f + 0.01f * static_cast<float>(row < 700 ? row : row - 700);
        float* const key = values.data() + row * width + keys;
        for (int64_t c = 0; c < p.shape.kv_heads * head_dim; ++c) key[c] *= factor;
      }
      reserve(b, p);
      Tensor qkv(b, values);
      const Result reference = forward_on_cpu(b, p, qkv);
      for (const Path path : paths_of(b, p)) {
        const std::string implementation = name_of(path);
        CAPTURE(implementation);
        CAPTURE(head_dim);
        const Result ours = forward(b, path, p, qkv);
        check_close(b, deviation(ours.out, reference.out, keys, 0, keys, 0));
        CHECK(relative_error(ours.lse, reference.lse) < 1e-5);
      }
    }
  });
}

TEST_CASE("CUDA attention with a cache of keys and values") {
  for_formats([](Backends& b) {
    for (const AttentionShape& s : {AttentionShape{4, 2, 64}, AttentionShape{8, 1, 128}, AttentionShape{2, 1, 80}}) {
      struct Case {
        std::vector<int32_t> starts;
        int64_t first_row;
      };
      for (const Case& c : {Case{{0, 300}, 299}, Case{{0, 300}, 172}, Case{{0, 300}, 44}, Case{{0, 300}, 5}, Case{{0, 2}, 1},
                            Case{{0, 1500}, 1244}, Case{{0, 1025}, 1024}, Case{{0, 40, 300}, 77}, Case{{0, 40, 300}, 3}}) {
        const Packed p{s, c.starts, c.first_row};
        CAPTURE(b.float32);
        CAPTURE(s.head_dim);
        CAPTURE(p.rows());
        CAPTURE(p.first_row);
        reserve(b, p);
        Tensor qkv(b, normal_floats(p.qkv_size(), 14, 1.3f));
        const Result reference = forward_on_cpu(b, p, qkv);
        for (const Path path : paths_of(b, p)) {
          const std::string implementation = name_of(path);
          CAPTURE(implementation);
          check_forward(b, p, forward(b, path, p, qkv), reference);
        }
      }
    }
  });
}

TEST_CASE("CUDA attention: no document sees another, bit for bit") {
  for_formats([](Backends& b) {
    for (const int64_t head_dim : {64, 80, 128}) {
      // The neighbours' values are another size altogether; the document between them must not notice.
      const Packed p{{4, 2, head_dim}, starts_of({70, 133, 90})};
      const size_t width = static_cast<size_t>(p.shape.row_width());
      const size_t out_width = static_cast<size_t>(p.shape.query_heads * head_dim);
      const size_t first = 70, last = 203;
      reserve(b, p);
      const auto neighbours_times = [&](Floats values, size_t row_width, float factor) {
        for (size_t i = 0; i < values.size(); ++i) {
          if (i / row_width < first || i / row_width >= last) values[i] *= factor;
        }
        return values;
      };
      for (const Path path : paths_of(b, p)) {
        const std::string implementation = name_of(path);
        CAPTURE(implementation);
        CAPTURE(head_dim);
        std::vector<Floats> outs, gradients;
        for (const float factor : {1.0f, 50.0f}) {
          Tensor qkv(b, neighbours_times(normal_floats(p.qkv_size(), 15), width, factor));
          Tensor dout(b, neighbours_times(normal_floats(p.out_size(), 16), out_width, factor));
          const Result result = forward(b, path, p, qkv);
          Tensor out(b, result.out);
          Values<float> lse(b, result.lse);
          const Floats dqkv = backward(b, path, p, qkv, out, lse, dout);
          const auto rows_of = [&](const Floats& all, size_t row_width) {
            return Floats(all.begin() + static_cast<std::ptrdiff_t>(first * row_width),
                          all.begin() + static_cast<std::ptrdiff_t>(last * row_width));
          };
          outs.push_back(rows_of(result.out, out_width)), gradients.push_back(rows_of(dqkv, width));
        }
        CHECK(outs[0] == outs[1]);
        CHECK(gradients[0] == gradients[1]);
      }
    }
  });
}
