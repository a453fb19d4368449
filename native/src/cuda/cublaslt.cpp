#include "cuda/cublaslt.h"

#include <dlfcn.h>

#include <array>
#include <compare>
#include <map>
#include <string>
#include <vector>

#include "cuda/check.h"

namespace tunesmith {

namespace {

// What cublasLt.h and cublas_api.h declare, as far as it is needed; the values have not changed since version 11.
using Status = int;
using Handle = struct OpaqueHandle*;
using Operation = struct OpaqueOperation*;
using Layout = struct OpaqueLayout*;
using Preference = struct OpaquePreference*;
constexpr Status kSuccess = 0;          // CUBLAS_STATUS_SUCCESS
constexpr int kFloat32 = 0;             // CUDA_R_32F
constexpr int kBfloat16 = 14;           // CUDA_R_16BF
constexpr int kComputeFloat32 = 68;     // CUBLAS_COMPUTE_32F
constexpr int32_t kTranspose = 1;       // CUBLAS_OP_T; CUBLAS_OP_N, 0, is the default
constexpr int kTransposeA = 3;          // CUBLASLT_MATMUL_DESC_TRANSA
constexpr int kWorkspaceBytes = 1;      // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
constexpr int kReductionSchemes = 3;    // CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK
constexpr int kAlignments[] = {5, 6, 7, 8};  // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_{A,B,C,D}_BYTES
constexpr uint32_t kReduceFloat32 = 2;  // CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE; no reduction is always allowed

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(Heuristic) == 96);

constexpr uint32_t kAlignment = 16;
constexpr size_t kOldestVersion = 120000;  // 12.0.0; version 11 counted in thousands
constexpr int kCandidates = 6;

/** What an algorithm is chosen for. */
struct Key {
  int64_t m, n, k, lda, ldb, ldd;
  size_t workspace_bytes;
  bool b_transposed, adds_c;
  auto operator<=>(const Key&) const = default;
};

}  // namespace

struct CublasLt::Library {
  size_t (*get_version)() = nullptr;
  Status (*create)(Handle*) = nullptr;
  Status (*destroy)(Handle) = nullptr;
  Status (*operation_create)(Operation*, int compute_type, int scale_type) = nullptr;
  Status (*operation_destroy)(Operation) = nullptr;
  Status (*operation_set)(Operation, int attribute, const void*, size_t) = nullptr;
  Status (*layout_create)(Layout*, int type, uint64_t rows, uint64_t columns, int64_t leading) = nullptr;
  Status (*layout_destroy)(Layout) = nullptr;
  Status (*preference_create)(Preference*) = nullptr;
  Status (*preference_destroy)(Preference) = nullptr;
  Status (*preference_set)(Preference, int attribute, const void*, size_t) = nullptr;
  Status (*choose)(Handle, Operation, Layout a, Layout b, Layout c, Layout d, Preference, int requested, Heuristic*,
                   int* returned) = nullptr;
  Status (*matmul)(Handle, Operation, const void* alpha, const void* a, Layout, const void* b, Layout, const void* beta,
                   const void* c, Layout, void* d, Layout, const Algorithm*, void* workspace, size_t workspace_bytes,
                   cudaStream_t) = nullptr;

  /** One shape's descriptors and algorithms, the one in use first; none where the library cannot do the product. */
  struct Plan {
    Operation operation = nullptr;
    Layout a = nullptr, b = nullptr, d = nullptr;
    std::vector<Heuristic> candidates;
  };

  Handle handle = nullptr;
  std::string version;
  std::map<Key, Plan> plans;

  bool load(void* shared_object);
  Plan make_plan(const Key&) const;
  Plan* plan(const Gemm<__nv_bfloat16>&, size_t workspace_bytes);
  Status run(const CudaTarget&, const Gemm<__nv_bfloat16>&, const Plan&, const Heuristic&, void* workspace) const;
  ~Library();
};

bool CublasLt::Library::load(void* shared_object) {
  bool complete = true;
  const auto find = [&]<class Function>(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(shared_object, name));
    complete = complete && function != nullptr;
  };
  find(get_version, "cublasLtGetVersion");
  find(create, "cublasLtCreate");
  find(destroy, "cublasLtDestroy");
  find(operation_create, "cublasLtMatmulDescCreate");
  find(operation_destroy, "cublasLtMatmulDescDestroy");
  find(operation_set, "cublasLtMatmulDescSetAttribute");
  find(layout_create, "cublasLtMatrixLayoutCreate");
  find(layout_destroy, "cublasLtMatrixLayoutDestroy");
  find(preference_create, "cublasLtMatmulPreferenceCreate");
  find(preference_destroy, "cublasLtMatmulPreferenceDestroy");
  find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
  find(choose, "cublasLtMatmulAlgoGetHeuristic");
  find(matmul, "cublasLtMatmul");
  if (!complete) return false;
  const size_t number = get_version();
  if (number < kOldestVersion) return false;
  version = std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
  return create(&handle) == kSuccess;
}

CublasLt::Library::~Library() {
  for (auto& [key, plan] : plans) {
    if (plan.operation) operation_destroy(plan.operation);
    for (const Layout layout : {plan.a, plan.b, plan.d}) {
      if (layout) layout_destroy(layout);
    }
  }
  if (handle) destroy(handle);
}

/** The library thinks column by column: it is given dᵀ = op(b)ᵀ·aᵀ, whose matrices so read are ours in row order. */
CublasLt::Library::Plan CublasLt::Library::make_plan(const Key& key) const {
  Plan plan;
  Preference preference = nullptr;
  const auto m = static_cast<uint64_t>(key.m), n = static_cast<uint64_t>(key.n), k = static_cast<uint64_t>(key.k);
  bool done = operation_create(&plan.operation, kComputeFloat32, kFloat32) == kSuccess &&
              layout_create(&plan.a, kBfloat16, k, m, key.lda) == kSuccess &&
              layout_create(&plan.b, kBfloat16, key.b_transposed ? k : n, key.b_transposed ? n : k, key.ldb) == kSuccess &&
              layout_create(&plan.d, kBfloat16, n, m, key.ldd) == kSuccess && preference_create(&preference) == kSuccess;
  if (done && key.b_transposed) {
    done = operation_set(plan.operation, kTransposeA, &kTranspose, sizeof kTranspose) == kSuccess;
  }
  const uint64_t workspace_bytes = key.workspace_bytes;
  done = done && preference_set(preference, kWorkspaceBytes, &workspace_bytes, sizeof workspace_bytes) == kSuccess;
  done = done && preference_set(preference, kReductionSchemes, &kReduceFloat32, sizeof kReduceFloat32) == kSuccess;
  for (const int attribute : kAlignments) {
    done = done && preference_set(preference, attribute, &kAlignment, sizeof kAlignment) == kSuccess;
  }
  std::array<Heuristic, kCandidates> found{};
  int count = 0;
  done = done && choose(handle, plan.operation, plan.b, plan.a, plan.d, plan.d, preference, kCandidates, found.data(),
                        &count) == kSuccess;
  for (int i = 0; done && i < count; ++i) {
    if (found[i].state == kSuccess && found[i].workspace_bytes <= key.workspace_bytes) plan.candidates.push_back(found[i]);
  }
  if (preference) preference_destroy(preference);
  return plan;
}

CublasLt::Library::Plan* CublasLt::Library::plan(const Gemm<__nv_bfloat16>& g, size_t workspace_bytes) {
  const auto aligned = [](const void* p, int64_t leading) {
    return reinterpret_cast<uintptr_t>(p) % kAlignment == 0 && leading % (kAlignment / sizeof(__nv_bfloat16)) == 0;
  };
  if (g.m == 0 || g.n == 0 || g.k == 0 || !aligned(g.a, g.lda) || !aligned(g.b, g.ldb) || !aligned(g.c, g.ldd) ||
      !aligned(g.d, g.ldd)) {
    return nullptr;
  }
  const Key key{g.m, g.n, g.k, g.lda, g.ldb, g.ldd, workspace_bytes, g.b_transposed, g.c != nullptr};
  auto place = plans.find(key);
  if (place == plans.end()) place = plans.emplace(key, make_plan(key)).first;
  return place->second.candidates.empty() ? nullptr : &place->second;
}

Status CublasLt::Library::run(const CudaTarget& target, const Gemm<__nv_bfloat16>& g, const Plan& plan,
                              const Heuristic& choice, void* workspace) const {
  const float one = 1, beta = g.c ? 1 : 0;
  return matmul(handle, plan.operation, &one, g.b, plan.b, g.a, plan.a, &beta, g.c ? g.c : g.d, plan.d, g.d, plan.d,
                &choice.algorithm, workspace, choice.workspace_bytes, target.stream);
}

CublasLt::CublasLt(std::unique_ptr<Library> library) : library_(std::move(library)) {}
CublasLt::~CublasLt() = default;

std::unique_ptr<CublasLt> CublasLt::open() {
  for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"}) {
    void* shared_object = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (!shared_object) continue;
    auto library = std::make_unique<Library>();
    // Never unloaded, not even one that was refused: it may have registered with the driver.
    if (library->load(shared_object)) return std::unique_ptr<CublasLt>(new CublasLt(std::move(library)));
  }
  return nullptr;
}

const char* CublasLt::version() const { return library_->version.c_str(); }

bool CublasLt::multiply(const CudaTarget& target, const Gemm<__nv_bfloat16>& g, void* workspace, size_t workspace_bytes) {
  Library::Plan* plan = library_->plan(g, workspace_bytes);
  if (!plan) return false;
  if (library_->run(target, g, *plan, plan->candidates.front(), workspace) == kSuccess) return true;
  plan->candidates.clear();  // refused before anything ran: not asked for again
  cudaGetLastError();        // what the library has left there is not the next kernel's
  return false;
}

}  // namespace tunesmith
