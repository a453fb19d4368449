#include "commands/blas_check.h"

#include <cblas.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "error.h"

namespace tunesmith {

namespace {

/** OpenBLAS's own variable: which kernels it takes instead of those it would choose. Read before main. */
constexpr const char* kCoreVariable = "OPENBLAS_CORETYPE";
constexpr const char* kSafeCore = "Haswell";

struct Shape {
  int m, n, k;
  bool transpose_a, transpose_b;
  float beta;
};
/** Odd sizes for the kernels' edges, one large enough for blocking, small ones for the paths that skip it, single rows for
    gemv-like cases. */
constexpr Shape kShapes[] = {
    {1, 1, 1, false, false, 0},    {1, 97, 64, false, true, 0},   {7, 5, 3, true, false, 1},    {33, 17, 129, true, true, 0},
    {64, 64, 64, false, false, 1}, {61, 131, 67, false, true, 0}, {130, 259, 97, true, false, 1}, {259, 200, 401, false, true, 1},
    {200, 131, 513, false, false, 0},
};

/** Small multiples of 1/8: every product and sum is exact in float32, so that right means equal. */
void fill(std::vector<float>& values, uint32_t seed) {
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>(seed >> 24) % 17 - 8) / 8.0f;
  }
}

bool is_correct(const Shape& s) {
  const auto size = [](int rows, int columns) { return static_cast<size_t>(rows) * static_cast<size_t>(columns); };
  std::vector<float> a(size(s.m, s.k)), b(size(s.k, s.n)), c(size(s.m, s.n)), expected;
  fill(a, 1), fill(b, 2), fill(c, 3);
  expected = c;
  const int lda = s.transpose_a ? s.m : s.k, ldb = s.transpose_b ? s.k : s.n;
  for (int i = 0; i < s.m; ++i) {
    for (int j = 0; j < s.n; ++j) {
      float sum = 0;
      for (int p = 0; p < s.k; ++p) {
        sum += a[s.transpose_a ? size(p, lda) + static_cast<size_t>(i) : size(i, lda) + static_cast<size_t>(p)] *
               b[s.transpose_b ? size(j, ldb) + static_cast<size_t>(p) : size(p, ldb) + static_cast<size_t>(j)];
      }
      float& value = expected[size(i, s.n) + static_cast<size_t>(j)];
      value = sum + s.beta * value;
    }
  }
  cblas_sgemm(CblasRowMajor, s.transpose_a ? CblasTrans : CblasNoTrans, s.transpose_b ? CblasTrans : CblasNoTrans, s.m, s.n,
              s.k, 1.0f, a.data(), lda, b.data(), ldb, s.beta, c.data(), s.n);
  return c == expected;
}

/** In a child: a kernel with instructions this CPU lacks ends the process. */
bool products_are_correct() {
  const pid_t child = fork();
  if (child < 0) throw Error("fork-failed", std::string("The engine cannot start a process: ") + std::strerror(errno) + ".");
  if (child == 0) {
    for (const Shape& shape : kShapes) {
      if (!is_correct(shape)) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

void ensure_correct_blas(char** argv) {
  if (products_are_correct()) return;
  const char* chosen = std::getenv(kCoreVariable);
  const bool safe_already = chosen != nullptr && std::strcmp(chosen, kSafeCore) == 0;
  if (!safe_already && setenv(kCoreVariable, kSafeCore, 1) == 0) execv("/proc/self/exe", argv);
  throw Error("blas-wrong", "The matrix products of this build's OpenBLAS are wrong on this CPU; build the engine with a newer "
                            "OpenBLAS.");
}

}  // namespace tunesmith
