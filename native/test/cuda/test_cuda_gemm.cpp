#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <type_traits>

#include "compare.h"
#include "cuda/check.h"
#include "cuda/cublaslt.h"
#include "cuda/gemm.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

constexpr double kFloat32Tolerance = 1e-5, kBfloat16Tolerance = 5e-3;

CudaTarget the_gpu() {
  CudaTarget target;
  int device = 0, major = 0, minor = 0;
  check_cuda(cudaGetDevice(&device), "looking at the GPU");
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  cudaDeviceGetAttribute(&target.multiprocessors, cudaDevAttrMultiProcessorCount, device);
  cudaDeviceGetAttribute(&target.shared_memory, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  target.capability = 10 * major + minor;
  return target;
}

/** Device memory between two guards of 0xFF bytes, which are NaN in both formats; filled with them, too. */
template <class T>
class Memory {
 public:
  /** The first element lies `shift` elements behind a 256-byte boundary. */
  Memory(size_t count, int shift) : count_(count), shift_(shift) {
    check_cuda(cudaMalloc(&base_, bytes()), "allocating a test's matrix");
    check_cuda(cudaMemset(base_, 0xFF, bytes()), "filling a test's matrix");
  }
  ~Memory() { cudaFree(base_); }
  Memory(const Memory&) = delete;
  T* data() { return static_cast<T*>(base_) + kGuard + shift_; }
  void write(const std::vector<T>& values) {
    const size_t size = values.size() * sizeof(T);
    check_cuda(cudaMemcpy(data(), values.data(), size, cudaMemcpyHostToDevice), "writing a test's matrix");
  }
  std::vector<T> read(size_t first, size_t count) {
    std::vector<T> values(count);
    const size_t size = count * sizeof(T);
    check_cuda(cudaMemcpy(values.data(), data() + first, size, cudaMemcpyDeviceToHost), "reading a test's matrix");
    return values;
  }
  bool guards_intact() {
    std::vector<unsigned char> all(bytes());
    check_cuda(cudaMemcpy(all.data(), base_, bytes(), cudaMemcpyDeviceToHost), "reading a test's guards");
    const auto untouched = [](unsigned char c) { return c == 0xFF; };
    const auto first = all.begin() + static_cast<std::ptrdiff_t>((kGuard + shift_) * sizeof(T));
    return std::all_of(all.begin(), first, untouched) &&
           std::all_of(first + static_cast<std::ptrdiff_t>(count_ * sizeof(T)), all.end(), untouched);
  }

 private:
  static constexpr size_t kGuard = 256;
  size_t bytes() const { return (count_ + 2 * kGuard + 8) * sizeof(T); }
  size_t count_;
  int shift_;
  void* base_ = nullptr;
};

float widen(float x) { return x; }
float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
template <class T>
T narrow(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    return __float2bfloat16_rn(x);
  }
}

template <class T>
std::vector<T> random_values(size_t count, uint32_t seed) {
  const Floats floats = normal_floats(count, seed);
  std::vector<T> values(count);
  std::transform(floats.begin(), floats.end(), values.begin(), narrow<T>);
  return values;
}

struct Case {
  int64_t m, n, k, k2 = 0;
  bool b_transposed = true, adds_c = false, in_place = false, swiglu = false;
  int shift = 0;    // of every pointer, in elements
  int padding = 0;  // of every row, in elements, behind what alignment asks for
  bool aligned() const { return shift == 0 && padding % 8 == 0; }
};

/** One product's operands on the GPU and on the host; strides are wider than the rows where the case says so. */
template <class T>
class Product {
 public:
  Product(const Case& c, uint32_t seed)
      : case_(c), lda_(stride(c.k)), lda2_(stride(c.k2)), ldb_(stride(c.b_transposed ? c.k : c.n)),
        ldb2_(stride(c.b_transposed ? c.k2 : c.n)), ldd_(stride(c.n)),
        a_(random_values<T>(elements(c.m, c.k, lda_), seed)), a2_(random_values<T>(elements(c.m, c.k2, lda2_), seed + 1)),
        b_(random_values<T>(c.b_transposed ? elements(c.n, c.k, ldb_) : elements(c.k, c.n, ldb_), seed + 2)),
        b2_(random_values<T>(c.b_transposed ? elements(c.n, c.k2, ldb2_) : elements(c.k2, c.n, ldb2_), seed + 3)),
        c_(random_values<T>(c.adds_c ? elements(c.m, c.n, ldd_) : 0, seed + 4)),
        on_gpu_a_(a_.size(), c.shift), on_gpu_a2_(a2_.size(), c.shift), on_gpu_b_(b_.size(), c.shift),
        on_gpu_b2_(b2_.size(), c.shift), on_gpu_c_(c_.size(), c.shift), on_gpu_d_(elements(c.m, c.n, ldd_), c.shift),
        on_gpu_swiglu_(c.swiglu ? c.m * c.n / 2 : 0, c.shift) {
    on_gpu_a_.write(a_), on_gpu_a2_.write(a2_), on_gpu_b_.write(b_), on_gpu_b2_.write(b2_), on_gpu_c_.write(c_);
  }

  Gemm<T> gemm() {
    Gemm<T> g;
    g.m = case_.m, g.n = case_.n, g.k = case_.k, g.k2 = case_.k2;
    g.a = on_gpu_a_.data(), g.b = on_gpu_b_.data(), g.lda = lda_, g.ldb = ldb_, g.b_transposed = case_.b_transposed;
    if (case_.k2 > 0) g.a2 = on_gpu_a2_.data(), g.b2 = on_gpu_b2_.data(), g.lda2 = lda2_, g.ldb2 = ldb2_;
    g.d = on_gpu_d_.data(), g.ldd = ldd_;
    if (case_.adds_c) g.c = case_.in_place ? g.d : on_gpu_c_.data();
    if (case_.swiglu) g.swiglu = on_gpu_swiglu_.data();
    return g;
  }

  /** The output before a run: NaN, or c where the product works in place. */
  void reset() {
    const size_t size = elements(case_.m, case_.n, ldd_) * sizeof(T), pitch = ldd_ * sizeof(T), width = case_.n * sizeof(T);
    check_cuda(cudaMemset(on_gpu_d_.data(), 0xFF, size), "poisoning a test's output");
    if (!case_.in_place) return;
    check_cuda(cudaMemcpy2D(on_gpu_d_.data(), pitch, c_.data(), pitch, width, case_.m, cudaMemcpyHostToDevice),
               "writing a test's residual");
  }

  const std::vector<double>& reference() {
    if (!reference_.empty()) return reference_;
    reference_.assign(static_cast<size_t>(case_.m * case_.n), 0.0);
    add_product(a_, lda_, b_, ldb_, case_.k);
    add_product(a2_, lda2_, b2_, ldb2_, case_.k2);
    for (int64_t i = 0; case_.adds_c && i < case_.m; ++i) {
      for (int64_t j = 0; j < case_.n; ++j) reference_[i * case_.n + j] += widen(c_[i * ldd_ + j]);
    }
    return reference_;
  }
  std::vector<double> swiglu_reference() {
    const int64_t width = case_.n / 2;
    std::vector<double> out;
    for (int64_t i = 0; i < case_.m; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        const double gate = reference()[i * case_.n + j], up = reference()[i * case_.n + width + j];
        out.push_back(gate / (1.0 + std::exp(-gate)) * up);
      }
    }
    return out;
  }

  Floats result() {
    const std::vector<T> rows = on_gpu_d_.read(0, elements(case_.m, case_.n, ldd_));
    Floats out;
    for (int64_t i = 0; i < case_.m; ++i) {
      for (int64_t j = 0; j < case_.n; ++j) out.push_back(widen(rows[i * ldd_ + j]));
    }
    return out;
  }
  Floats swiglu_result() {
    Floats out;
    for (const T x : on_gpu_swiglu_.read(0, case_.m * case_.n / 2)) out.push_back(widen(x));
    return out;
  }
  bool untouched_elsewhere() {
    const std::vector<T> rows = on_gpu_d_.read(0, elements(case_.m, case_.n, ldd_));
    for (int64_t i = 0; i + 1 < case_.m; ++i) {
      for (int64_t j = case_.n; j < ldd_; ++j) {
        if (!std::isnan(widen(rows[i * ldd_ + j]))) return false;
      }
    }
    return on_gpu_d_.guards_intact() && on_gpu_swiglu_.guards_intact();
  }

 private:
  int64_t stride(int64_t width) const { return (case_.aligned() ? (width + 7) / 8 * 8 : width) + case_.padding; }
  /** The last row ends with its last element: reading on would read the guard. */
  static size_t elements(int64_t rows, int64_t width, int64_t stride) {
    return rows > 0 && width > 0 ? static_cast<size_t>((rows - 1) * stride + width) : 0;
  }
  void add_product(const std::vector<T>& a, int64_t lda, const std::vector<T>& b, int64_t ldb, int64_t k) {
    std::vector<double> column(k);
    for (int64_t j = 0; j < case_.n; ++j) {
      for (int64_t l = 0; l < k; ++l) column[l] = widen(case_.b_transposed ? b[j * ldb + l] : b[l * ldb + j]);
      for (int64_t i = 0; i < case_.m; ++i) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l) sum += column[l] * widen(a[i * lda + l]);
        reference_[i * case_.n + j] += sum;
      }
    }
  }

  Case case_;
  int64_t lda_, lda2_, ldb_, ldb2_, ldd_;
  std::vector<T> a_, a2_, b_, b2_, c_;
  std::vector<double> reference_;
  Memory<T> on_gpu_a_, on_gpu_a2_, on_gpu_b_, on_gpu_b2_, on_gpu_c_, on_gpu_d_, on_gpu_swiglu_;
};

template <class T>
using Kernel = std::function<void(const CudaTarget&, const Gemm<T>&)>;

/** Runs the kernel twice: right, the same bits again, nothing written beside the result. */
template <class T>
void check_product(const Kernel<T>& kernel, const CudaTarget& target, Product<T>& product, double tolerance, bool swiglu) {
  Floats first;
  for (int run = 0; run < 2; ++run) {
    product.reset();
    kernel(target, product.gemm());
    check_cuda(cudaDeviceSynchronize(), "multiplying a test's matrices");
    const Floats result = product.result();
    CHECK(relative_error(result, product.reference()) < tolerance);
    if (run > 0) CHECK(std::memcmp(result.data(), first.data(), result.size() * sizeof(float)) == 0);
    first = result;
  }
  if (swiglu) CHECK(relative_error(product.swiglu_result(), product.swiglu_reference()) < 2 * tolerance);
  CHECK(product.untouched_elsewhere());
}

std::string describe(const Case& c) {
  std::string text = "m " + std::to_string(c.m) + ", n " + std::to_string(c.n) + ", k " + std::to_string(c.k) + ", k2 " +
                     std::to_string(c.k2) + (c.b_transposed ? ", b transposed" : "");
  if (c.adds_c) text += c.in_place ? ", c in place" : ", c";
  if (c.swiglu) text += ", swiglu";
  return text + ", shift " + std::to_string(c.shift) + ", padding " + std::to_string(c.padding);
}

/** Sizes around the tiles' edges, with every mixture of layout, second pair, residual, stride and alignment. */
std::vector<Case> small_cases() {
  const int64_t sizes[][3] = {{1, 1, 1},      {1, 200, 129},  {7, 33, 40},     {33, 7, 8},      {32, 300, 256}, {200, 32, 70},
                              {127, 129, 33}, {128, 128, 128}, {129, 127, 200}, {257, 513, 96}, {64, 264, 17}};
  std::vector<Case> cases;
  int index = 0;
  for (const auto& [m, n, k] : sizes) {
    for (const bool b_transposed : {true, false}) {
      for (const int64_t k2 : {int64_t{0}, int64_t{16}, int64_t{37}}) {
        Case c{m, n, k, k2, b_transposed};
        // The rest alternates, so that over the list everything meets everything.
        c.adds_c = index % 2 == 1;
        c.in_place = index % 4 == 3;
        c.padding = index % 3 == 0 ? 8 : 0;
        cases.push_back(c);
        c.adds_c = !c.adds_c, c.in_place = false;
        c.shift = index % 3, c.padding = index % 2 + (c.shift == 0);
        cases.push_back(c);
        ++index;
      }
    }
  }
  return cases;
}

/** What Llama's shapes come down to where 16-byte accesses are possible. */
std::vector<Case> aligned_cases() {
  std::vector<Case> cases;
  for (const bool b_transposed : {true, false}) {
    for (const bool adds_c : {true, false}) {
      for (const int64_t k2 : {int64_t{0}, int64_t{16}, int64_t{48}}) {
        for (const auto& [m, n, k] : {std::array<int64_t, 3>{8, 16, 8}, {136, 264, 72}, {256, 512, 256}, {300, 136, 512}}) {
          cases.push_back({.m = m, .n = n, .k = k, .k2 = k2, .b_transposed = b_transposed, .adds_c = adds_c,
                           .padding = k2 == 16 ? 8 : 0});
        }
      }
    }
  }
  return cases;
}

/** Rows of an output of more than 2^31 elements, looked at where a 32-bit index would have lost them. */
template <class T>
void check_huge(const Kernel<T>& kernel, const CudaTarget& target, double tolerance) {
  const int64_t m = 17000, n = 128256, k = 16;
  const std::vector<T> a = random_values<T>(m * k, 71), b = random_values<T>(n * k, 72);
  Memory<T> on_gpu_a(a.size(), 0), on_gpu_b(b.size(), 0), d(static_cast<size_t>(m * n), 0);
  on_gpu_a.write(a), on_gpu_b.write(b);
  Gemm<T> g;
  g.m = m, g.n = n, g.k = k, g.a = on_gpu_a.data(), g.b = on_gpu_b.data(), g.d = d.data(), g.lda = k, g.ldb = k, g.ldd = n;
  kernel(target, g);
  check_cuda(cudaDeviceSynchronize(), "multiplying a test's matrices");
  for (const int64_t row : {int64_t{0}, int64_t{16743}, int64_t{16744}, m - 1}) {
    Floats result;
    std::vector<double> reference;
    for (const T x : d.read(static_cast<size_t>(row * n), n)) result.push_back(widen(x));
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += static_cast<double>(widen(a[row * k + l])) * widen(b[j * k + l]);
      reference.push_back(sum);
    }
    INFO("row ", row);
    CHECK(relative_error(result, reference) < tolerance);
  }
}

}  // namespace

TEST_CASE("CUDA gemm_f32 agrees with float64 products") {
  const CudaTarget target = the_gpu();
  for (const Case& c : small_cases()) {
    INFO(describe(c));
    Product<float> product(c, 1);
    check_product<float>(gemm_f32, target, product, kFloat32Tolerance, false);
  }
  const Case deep{.m = 190, .n = 150, .k = 8192, .k2 = 16, .adds_c = true};
  Product<float> product(deep, 2);
  check_product<float>(gemm_f32, target, product, kFloat32Tolerance, false);
}

TEST_CASE("CUDA gemm_mma agrees with float64 products") {
  const CudaTarget target = the_gpu();
  for (const Case& c : small_cases()) {
    INFO(describe(c));
    Product<__nv_bfloat16> product(c, 3);
    check_product<__nv_bfloat16>(gemm_mma, target, product, kBfloat16Tolerance, false);
  }
}

TEST_CASE("CUDA gemm_mma agrees with float64 products in each of its tilings") {
  // As many multiprocessors as make the tiling the cheapest.
  CudaTarget one = the_gpu(), many = one, little = one;
  one.multiprocessors = 1, many.multiprocessors = 100000;
  little.multiprocessors = 1, little.shared_memory = 48 << 10;
  for (const CudaTarget& target : {one, many, little}) {
    for (const bool b_transposed : {true, false}) {
      for (const int64_t k2 : {int64_t{0}, int64_t{20}}) {
        for (const bool adds_c : {true, false}) {
          Case c{.m = 250, .n = 509, .k = 200, .k2 = k2, .b_transposed = b_transposed, .adds_c = adds_c};
          INFO("multiprocessors ", target.multiprocessors, " shared memory ", target.shared_memory);
          INFO(describe(c));
          Product<__nv_bfloat16> product(c, 4);
          check_product<__nv_bfloat16>(gemm_mma, target, product, kBfloat16Tolerance, false);
        }
      }
    }
  }
  // More rows of tiles than one group.
  for (const bool b_transposed : {true, false}) {
    const Case c{.m = 2500, .n = 520, .k = 160, .b_transposed = b_transposed, .adds_c = true, .in_place = true};
    INFO(describe(c));
    Product<__nv_bfloat16> product(c, 5);
    for (const CudaTarget& target : {one, many, little}) {
      check_product<__nv_bfloat16>(gemm_mma, target, product, kBfloat16Tolerance, false);
    }
  }
  // Generation: few rows, long sums.
  for (const int64_t m : {1, 5, 32}) {
    const Case c{.m = m, .n = 1000, .k = 2056, .k2 = 16, .adds_c = true};
    INFO(describe(c));
    Product<__nv_bfloat16> product(c, 6);
    check_product<__nv_bfloat16>(gemm_mma, one, product, kBfloat16Tolerance, false);
  }
}

TEST_CASE("CUDA gemm_sm90 agrees with float64 products in what it takes") {
  const CudaTarget target = the_gpu();
  int taken = 0;
  std::vector<Case> cases = aligned_cases();
  for (const Case& c : small_cases()) cases.push_back(c);
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{8, 16, 8}, {136, 272, 72}, {300, 512, 256}, {1, 1024, 128}}) {
    for (const int64_t k2 : {int64_t{0}, int64_t{32}}) cases.push_back({.m = m, .n = n, .k = k, .k2 = k2, .swiglu = true});
  }
  for (const Case& c : cases) {
    Product<__nv_bfloat16> product(c, 7);
    if (!gemm_sm90_takes(target, product.gemm())) continue;
    ++taken;
    INFO(describe(c));
    check_product<__nv_bfloat16>(gemm_sm90, target, product, kBfloat16Tolerance, c.swiglu);
  }
  if (target.capability == 90) CHECK(taken >= 20);
}

TEST_CASE("CUDA products reach the last rows of an output of more than 2^31 elements") {
  const CudaTarget target = the_gpu();
  size_t available = 0, total = 0;
  check_cuda(cudaMemGetInfo(&available, &total), "asking for the GPU's memory");
  if (available < size_t{10} << 30) {
    MESSAGE("skipped: the GPU has less than 10 GiB free");
    return;
  }
  check_huge<__nv_bfloat16>(gemm_mma, target, kBfloat16Tolerance);
  check_huge<float>(gemm_f32, target, kFloat32Tolerance);
  if (target.capability == 90) check_huge<__nv_bfloat16>(gemm_sm90, target, kBfloat16Tolerance);
}

TEST_CASE("CUDA cuBLASLt agrees with float64 products") {
  const CudaTarget target = the_gpu();
  const std::unique_ptr<CublasLt> library = CublasLt::open();
  if (!library) {
    MESSAGE("skipped: there is no cuBLASLt");
    return;
  }
  MESSAGE("cuBLASLt ", library->version());
  constexpr size_t kWorkspace = size_t{32} << 20;
  Memory<std::byte> workspace(kWorkspace, 0);
  const Kernel<__nv_bfloat16> multiply = [&](const CudaTarget& on, const Gemm<__nv_bfloat16>& g) {
    REQUIRE(library->multiply(on, g, workspace.data(), kWorkspace));
  };
  for (const Case& c : aligned_cases()) {
    if (c.k2 > 0) continue;
    INFO(describe(c));
    Product<__nv_bfloat16> product(c, 8);
    check_product<__nv_bfloat16>(multiply, target, product, kBfloat16Tolerance, false);
  }
  const Case in_place{.m = 256, .n = 512, .k = 256, .adds_c = true, .in_place = true};
  Product<__nv_bfloat16> product(in_place, 9);
  check_product<__nv_bfloat16>(multiply, target, product, kBfloat16Tolerance, false);

  const Case odd{.m = 16, .n = 17, .k = 16, .shift = 1};
  Product<__nv_bfloat16> unaligned(odd, 10);
  CHECK_FALSE(library->multiply(target, unaligned.gemm(), workspace.data(), kWorkspace));
}
