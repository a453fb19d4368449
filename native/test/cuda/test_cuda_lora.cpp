/** The adapter's skinny products against sums in double over the same rounded inputs. */
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "compare.h"
#include "cuda/lora_products.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

/** The GPU as the products see it; fewer multiprocessors and less shared memory make other splits and shorter pipelines. */
CudaTarget target_of_gpu(int multiprocessors = 0, int shared_memory = 0) {
  CudaTarget target;
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&target.multiprocessors, cudaDevAttrMultiProcessorCount, 0);
  cudaDeviceGetAttribute(&target.shared_memory, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
  target.capability = major * 10 + minor;
  if (multiprocessors > 0) target.multiprocessors = multiprocessors;
  if (shared_memory > 0) target.shared_memory = std::min(target.shared_memory, shared_memory);
  return target;
}

constexpr int kSmallShared = 101376;  // of a consumer's GPU

/** Scratch of exactly the promised size, not a number anywhere, followed by a guard that is not one either. */
class Scratch {
 public:
  Scratch(Backends& b, const CudaTarget& target, int64_t rows, int64_t widest, int64_t stride)
      : b_(b), bytes_(lora_scratch_bytes(target, rows, widest, stride)), memory_(b.gpu->allocate(bytes_ + kGuard)) {
    REQUIRE(cudaMemset(memory_, 0xff, bytes_ + kGuard) == cudaSuccess);
  }
  ~Scratch() { b_.gpu->release(memory_); }
  Scratch(const Scratch&) = delete;
  void* gpu() { return memory_; }
  bool guard_intact() {
    std::vector<unsigned char> guard(kGuard);
    b_.gpu->copy_to_host(guard.data(), static_cast<std::byte*>(memory_) + bytes_, kGuard);
    return std::all_of(guard.begin(), guard.end(), [](unsigned char c) { return c == 0xff; });
  }

 private:
  static constexpr size_t kGuard = 256;
  Backends& b_;
  size_t bytes_;
  void* memory_;
};

/** Runs on the stream that these tests' targets name, between the device's own work. */
template <class Work>
void run(Backends& b, const Work& work) {
  b.gpu->synchronize();
  work();
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
}

/** Calls `work` with a null pointer of the activations' type. */
template <class Work>
void for_element(const Backends& b, const Work& work) {
  if (b.float32) {
    work(static_cast<float*>(nullptr));
  } else {
    work(static_cast<__nv_bfloat16*>(nullptr));
  }
}

int64_t stride_of(int64_t columns) { return (columns + 15) / 16 * 16; }

/** The largest deviation, in the root mean square of the reference: finds a single wrong element among millions. */
template <class A>
double worst_error(const std::vector<A>& ours, const std::vector<double>& reference) {
  double worst = 0, squares = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double d = std::abs(static_cast<double>(ours[i]) - reference[i]);
    if (!(d <= worst)) worst = std::isfinite(d) ? d : std::numeric_limits<double>::infinity();
    squares += reference[i] * reference[i];
  }
  return worst / std::sqrt(std::max(squares, 1e-30) / static_cast<double>(std::max<size_t>(ours.size(), 1)));
}

/** Rounded once to the activations' format. */
void check_rounded(const Backends& b, const Floats& ours, const std::vector<double>& reference) {
  CHECK(relative_error(ours, reference) <= (b.float32 ? 1e-5 : 2.5e-3));
  CHECK(worst_error(ours, reference) <= (b.float32 ? 1e-4 : 3e-2));
}
/** Accumulated in float32. */
void check_sums(const Backends& b, const Floats& ours, const std::vector<double>& reference) {
  CHECK(relative_error(ours, reference) <= (b.float32 ? 1e-5 : 1e-4));
  CHECK(worst_error(ours, reference) <= (b.float32 ? 1e-4 : 1e-3));
}

/** Random in the first `columns` of each row of `stride`, zero behind them. */
Floats padded(int64_t rows, int64_t columns, int64_t stride, uint32_t seed) {
  Floats x = normal_floats(static_cast<size_t>(rows * stride), seed);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = columns; j < stride; ++j) x[static_cast<size_t>(i * stride + j)] = 0;
  }
  return x;
}

const float& at(const Floats& x, int64_t i) { return x[static_cast<size_t>(i)]; }

void check_xa(Backends& b, const CudaTarget& target, int64_t rows, int64_t in, int64_t columns) {
  CAPTURE(rows); CAPTURE(in); CAPTURE(columns); CAPTURE(target.multiprocessors); CAPTURE(b.float32);
  const int64_t stride = stride_of(columns);
  Floats a_values = normal_floats(static_cast<size_t>(stride * in), 2);
  std::fill(a_values.begin() + columns * in, a_values.end(), 0.0f);
  Tensor x(b, normal_floats(static_cast<size_t>(rows * in), 1)), a(b, std::move(a_values));
  Scratch scratch(b, target, rows, in, stride);
  const auto product = [&] {
    Tensor xa = Tensor::poisoned(b, static_cast<size_t>(rows * stride));
    for_element(b, [&]<class T>(T*) {
      run(b, [&] { lora_xa(target, rows, in, stride, as<T>(x.gpu()), as<T>(a.gpu()), as<T>(xa.gpu()), scratch.gpu()); });
    });
    CHECK(xa.guard_intact());
    return xa.gpu_values();
  };
  const Floats ours = product();
  std::vector<double> reference(ours.size());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < in; ++k) sum += static_cast<double>(at(x.oracle(), i * in + k)) * at(a.oracle(), j * in + k);
      reference[static_cast<size_t>(i * stride + j)] = sum;
    }
  }
  check_rounded(b, ours, reference);
  bool padding_zero = true;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = columns; j < stride; ++j) padding_zero = padding_zero && at(ours, i * stride + j) == 0.0f;
  }
  CHECK(padding_zero);
  CHECK((product() == ours));
  CHECK(scratch.guard_intact());
}

void check_da(Backends& b, const CudaTarget& target, int64_t rows, int64_t in, int64_t columns) {
  CAPTURE(rows); CAPTURE(in); CAPTURE(columns); CAPTURE(target.multiprocessors); CAPTURE(b.float32);
  const int64_t stride = stride_of(columns);
  Tensor x(b, normal_floats(static_cast<size_t>(rows * in), 1)), g(b, padded(rows, columns, stride, 2));
  const Floats before = normal_floats(static_cast<size_t>(columns * in), 3);
  Scratch scratch(b, target, rows, in, stride);
  const auto product = [&] {
    // One row more, to see that it stays.
    Floats guarded = before;
    guarded.resize(guarded.size() + static_cast<size_t>(in), 7.0f);
    Values<float> da(b, guarded);
    for_element(b, [&]<class T>(T*) {
      run(b, [&] {
        lora_da(target, rows, in, columns, stride, as<T>(g.gpu()), as<T>(x.gpu()), da.gpu(), scratch.gpu());
      });
    });
    Floats out = da.gpu_values();
    CHECK(std::all_of(out.begin() + columns * in, out.end(), [](float v) { return v == 7.0f; }));
    out.resize(before.size());
    return out;
  };
  const Floats ours = product();
  std::vector<double> reference(before.begin(), before.end());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < columns; ++c) {
      const double factor = at(g.oracle(), i * stride + c);
      for (int64_t k = 0; k < in; ++k) reference[static_cast<size_t>(c * in + k)] += factor * at(x.oracle(), i * in + k);
    }
  }
  check_sums(b, ours, reference);
  CHECK((product() == ours));
  CHECK(scratch.guard_intact());
}

struct PartShape {
  int64_t first_column = 0, columns = 0;
};

/** The product's b, rounded, [out, stride]. */
Floats diagonal_b(const std::vector<PartShape>& parts, const std::vector<Floats>& b, int64_t rank, float scale, int64_t out,
                  int64_t stride) {
  Floats x(static_cast<size_t>(out * stride));
  for (size_t p = 0; p < parts.size(); ++p) {
    for (int64_t j = 0; j < parts[p].columns; ++j) {
      for (int64_t r = 0; r < rank; ++r) {
        x[static_cast<size_t>((parts[p].first_column + j) * stride + static_cast<int64_t>(p) * rank + r)] =
            scale * at(b[p], j * rank + r);
      }
    }
  }
  return x;
}

/** Rows of g and columns of db are compared `every` so many: the large shapes' references take long. */
void check_g_and_db(Backends& b, const CudaTarget& target, int64_t rows, int64_t out, int64_t rank,
                    const std::vector<PartShape>& parts, int64_t every = 1) {
  CAPTURE(rows); CAPTURE(out); CAPTURE(rank); CAPTURE(parts.size()); CAPTURE(target.multiprocessors); CAPTURE(b.float32);
  const int64_t count = static_cast<int64_t>(parts.size()), columns = count * rank, stride = stride_of(columns);
  constexpr float kScale = 0.75f;
  std::vector<Floats> masters, before;
  for (int64_t p = 0; p < count; ++p) {
    const size_t size = static_cast<size_t>(parts[static_cast<size_t>(p)].columns * rank);
    masters.push_back(normal_floats(size, 10 + static_cast<uint32_t>(p)));
    before.push_back(normal_floats(size, 20 + static_cast<uint32_t>(p)));
  }
  Tensor dy(b, normal_floats(static_cast<size_t>(rows * out), 1)), xa(b, padded(rows, columns, stride, 2));
  Tensor rounded(b, diagonal_b(parts, masters, rank, kScale, out, stride));
  Scratch scratch(b, target, rows, out, stride);
  LinearBackward op;
  op.rows = rows, op.out = out;
  op.dy = dy.gpu(), op.xa = xa.gpu();
  op.lora.rank = rank, op.lora.scale = kScale, op.lora.parts = static_cast<int>(count);
  for (int64_t p = 0; p < count; ++p) {
    op.lora.part[p].first_column = parts[static_cast<size_t>(p)].first_column;
    op.lora.part[p].columns = parts[static_cast<size_t>(p)].columns;
  }
  const auto product = [&] {
    Tensor g = Tensor::poisoned(b, static_cast<size_t>(rows * stride));
    std::vector<std::unique_ptr<Values<float>>> db;
    op.g = g.gpu();
    for (int64_t p = 0; p < count; ++p) {
      db.push_back(std::make_unique<Values<float>>(b, before[static_cast<size_t>(p)]));
      op.db[p] = db.back()->gpu();
    }
    for_element(b, [&]<class T>(T*) {
      run(b, [&] { lora_g_and_db<T>(target, op, stride, as<T>(rounded.gpu()), scratch.gpu()); });
    });
    CHECK(g.guard_intact());
    std::vector<Floats> result = {g.gpu_values()};
    for (auto& part : db) result.push_back(part->gpu_values());
    return result;
  };
  const std::vector<Floats> ours = product();
  Floats g_rows;
  std::vector<double> g_reference;
  bool padding_zero = true;
  for (int64_t i = 0; i < rows; i += every) {
    for (int64_t p = 0; p < count; ++p) {
      const PartShape& part = parts[static_cast<size_t>(p)];
      for (int64_t r = p * rank; r < (p + 1) * rank; ++r) {
        double sum = 0;
        for (int64_t j = part.first_column; j < part.first_column + part.columns; ++j) {
          sum += static_cast<double>(at(dy.oracle(), i * out + j)) * at(rounded.oracle(), j * stride + r);
        }
        g_reference.push_back(sum);
        g_rows.push_back(at(ours[0], i * stride + r));
      }
    }
    for (int64_t r = columns; r < stride; ++r) padding_zero = padding_zero && at(ours[0], i * stride + r) == 0.0f;
  }
  check_rounded(b, g_rows, g_reference);
  CHECK(padding_zero);
  for (int64_t p = 0; p < count; ++p) {
    CAPTURE(p);
    const PartShape& part = parts[static_cast<size_t>(p)];
    Floats db_columns;
    std::vector<double> db_reference;
    std::vector<double> sum(static_cast<size_t>(rank));
    for (int64_t j = 0; j < part.columns; j += every) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t i = 0; i < rows; ++i) {
        const double factor = at(dy.oracle(), i * out + part.first_column + j);
        const float* row = xa.oracle().data() + i * stride + p * rank;
        for (int64_t r = 0; r < rank; ++r) sum[static_cast<size_t>(r)] += factor * row[r];
      }
      for (int64_t r = 0; r < rank; ++r) {
        db_reference.push_back(at(before[static_cast<size_t>(p)], j * rank + r) + kScale * sum[static_cast<size_t>(r)]);
        db_columns.push_back(at(ours[static_cast<size_t>(p) + 1], j * rank + r));
      }
    }
    check_sums(b, db_columns, db_reference);
  }
  CHECK((product() == ours));
  CHECK(scratch.guard_intact());
}

void check_round(Backends& b, int64_t in, int64_t out, int64_t rank, const std::vector<PartShape>& parts) {
  CAPTURE(in); CAPTURE(out); CAPTURE(rank); CAPTURE(parts.size()); CAPTURE(b.float32);
  const int64_t count = static_cast<int64_t>(parts.size()), stride = stride_of(count * rank);
  LinearLora lora;
  lora.rank = rank, lora.scale = 0.3f, lora.parts = static_cast<int>(count);
  Values<float> a(b, normal_floats(static_cast<size_t>(count * rank * in), 1));
  lora.a = a.gpu();
  std::vector<Floats> masters;
  std::vector<std::unique_ptr<Values<float>>> on_gpu;
  for (int64_t p = 0; p < count; ++p) {
    const PartShape& part = parts[static_cast<size_t>(p)];
    masters.push_back(normal_floats(static_cast<size_t>(part.columns * rank), 10 + static_cast<uint32_t>(p)));
    on_gpu.push_back(std::make_unique<Values<float>>(b, masters.back()));
    lora.part[p] = {part.first_column, part.columns, on_gpu.back()->gpu()};
  }
  Floats expected = a.oracle();
  expected.resize(static_cast<size_t>(stride * in), 0.0f);
  const Floats diagonal = diagonal_b(parts, masters, rank, lora.scale, out, stride);
  expected.insert(expected.end(), diagonal.begin(), diagonal.end());
  if (!b.float32) {
    for (float& x : expected) x = bf16_value(x);
  }
  Tensor copy = Tensor::poisoned(b, expected.size());
  const CudaTarget target = target_of_gpu();
  for_element(b, [&]<class T>(T*) { run(b, [&] { lora_round(target, lora, in, out, stride, as<T>(copy.gpu())); }); });
  CHECK(copy.guard_intact());
  CHECK(copy.gpu_values() == expected);
}

template <class Work>
void in_both_precisions(const Work& work) {
  for (const bool float32 : {false, true}) {
    CudaOptions options;
    options.float32 = float32;
    Backends b(options);
    work(b);
  }
}

}  // namespace

TEST_CASE("CUDA x·aᵀ of an adapter: odd sizes, every width of the adapter, splits") {
  in_both_precisions([](Backends& b) {
    const CudaTarget target = target_of_gpu();
    for (const int64_t rows : {1, 3, 63, 64, 65, 128, 129, 1000}) check_xa(b, target, rows, 384, 48);
    for (const int64_t in : {1, 8, 40, 100, 129, 384, 1000, 1001, 2048}) check_xa(b, target, 65, in, 16);
    for (const int64_t columns : {1, 4, 8, 16, 24, 32, 45, 48, 64, 80, 96, 192, 768}) check_xa(b, target, 70, 264, columns);
    check_xa(b, target, 2100, 136, 20);
    check_xa(b, target_of_gpu(1), 300, 1000, 48);
    check_xa(b, target_of_gpu(5), 300, 1000, 48);
    check_xa(b, target_of_gpu(5, kSmallShared), 300, 1000, 64);
    check_xa(b, target_of_gpu(0, kSmallShared), 130, 2048, 16);
  });
}

TEST_CASE("CUDA gradient of an adapter's A: odd sizes, every width of the adapter, splits") {
  in_both_precisions([](Backends& b) {
    const CudaTarget target = target_of_gpu();
    for (const int64_t rows : {1, 3, 63, 64, 65, 128, 129, 1000}) check_da(b, target, rows, 384, 48);
    for (const int64_t in : {1, 8, 40, 100, 255, 256, 257, 1000, 2048}) check_da(b, target, 100, in, 16);
    for (const int64_t columns : {1, 4, 8, 16, 24, 32, 45, 48, 64, 80, 96, 192, 768}) check_da(b, target, 130, 264, columns);
    check_da(b, target_of_gpu(1), 300, 1000, 48);
    check_da(b, target_of_gpu(7), 1300, 264, 32);
    check_da(b, target_of_gpu(7, kSmallShared), 1300, 264, 64);
  });
}

TEST_CASE("CUDA g and the gradient of an adapter's B: odd sizes, one to three parts, gaps, ranks") {
  in_both_precisions([](Backends& b) {
    const CudaTarget target = target_of_gpu();
    for (const int64_t rows : {1, 3, 15, 63, 64, 65, 1000}) check_g_and_db(b, target, rows, 384, 16, {{0, 384}});
    for (const int64_t out : {8, 40, 384, 511, 512, 513, 1000, 1001, 1100, 2048}) {
      check_g_and_db(b, target, 100, out, 16, {{0, out}});
    }
    for (const int64_t rank : {1, 2, 4, 6, 8, 12, 15, 16, 17, 32, 50, 64}) {
      check_g_and_db(b, target, 70, 640, rank, {{0, 320}, {320, 320}});
      check_g_and_db(b, target, 70, 640, rank, {{0, 384}, {384, 128}, {512, 128}});
    }
    check_g_and_db(b, target, 40, 200, 256, {{0, 40}, {40, 80}, {120, 80}});
    check_g_and_db(b, target, 130, 3072, 16, {{0, 2048}, {2048, 512}, {2560, 512}});
    // Columns without an adapter: between, before and behind the parts; parts that are not whole packs.
    check_g_and_db(b, target, 130, 3072, 16, {{0, 2048}, {2560, 512}});
    check_g_and_db(b, target, 130, 3072, 8, {{2048, 512}});
    check_g_and_db(b, target, 130, 640, 16, {{8, 20}, {320, 301}});
    check_g_and_db(b, target, 130, 640, 16, {{3, 20}, {333, 301}});
  });
}

TEST_CASE("CUDA g and the gradient of an adapter's B: other machines' splits") {
  in_both_precisions([](Backends& b) {
    for (const int multiprocessors : {1, 3, 6, 20}) {
      const CudaTarget target = target_of_gpu(multiprocessors), small = target_of_gpu(multiprocessors, kSmallShared);
      check_g_and_db(b, target, 300, 2048, 16, {{0, 1000}, {1024, 1024}});
      check_g_and_db(b, small, 300, 2048, 16, {{0, 2048}});
      check_g_and_db(b, small, 300, 1024, 32, {{0, 512}, {512, 512}});
      check_g_and_db(b, small, 300, 1024, 5, {{0, 512}, {512, 512}});
    }
  });
}

TEST_CASE("CUDA g and the gradient of an adapter's B: gate and up of a large step, rows in turns") {
  in_both_precisions([](Backends& b) {
    const CudaTarget target = target_of_gpu();
    // Slabs of 512 columns on a large GPU, of 1024 on one of 16 multiprocessors.
    for (const int multiprocessors : {0, 16}) {
      check_g_and_db(b, target_of_gpu(multiprocessors), 4096, 8192, 16, {{0, 4096}, {4096, 4096}}, 307);
    }
    // g's sums of a slab of 512 and a window of 32 are 128 bytes a row; 28 MiB hold 3584 rows of 8 slabs in 8 windows each.
    check_g_and_db(b, target, 3700, 4096, 256, {{0, 2048}, {2048, 2048}}, 307);
  });
}

TEST_CASE("CUDA rounding of an adapter: scaled, on the diagonal, zeros elsewhere") {
  in_both_precisions([](Backends& b) {
    check_round(b, 64, 96, 16, {{0, 96}});
    check_round(b, 40, 96, 8, {{0, 32}, {32, 64}});
    check_round(b, 13, 50, 3, {{1, 7}, {20, 5}, {30, 20}});
    check_round(b, 7, 33, 1, {{0, 33}});
    check_round(b, 2048, 3072, 16, {{0, 2048}, {2048, 512}, {2560, 512}});
  });
}
