#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <memory>
#include <vector>

#include "ops.h"

namespace tunesmith {

class CublasLt;
template <class T>
struct Gemm;

/** Bytes of scratch that cuBLASLt may use. */
inline constexpr size_t kCublasWorkspace = size_t{32} << 20;

/** What a kernel launch needs to know of the machine. */
struct CudaTarget {
  cudaStream_t stream = nullptr;
  int multiprocessors = 0;
  int capability = 0;      // 90 for compute capability 9.0
  int shared_memory = 0;   // bytes that one block may have
};

/** An NVIDIA GPU's device: activations and weights are bfloat16 (float32 with CudaOptions::float32), every op is launched
    on one stream and may still be running when its call returns. One .cu file an op. Logits are float16: of numbers around
    20, bfloat16 would keep differences of 0.06, and the loss is made of such differences. */
class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const CudaOptions&);
  ~CudaDevice() override;

  const char* name() const override { return "cuda"; }
  size_t activation_size() const override { return options_.float32 ? sizeof(float) : sizeof(__nv_bfloat16); }
  size_t weight_bytes(const WeightShape&) const override;
  int64_t adapter_stride(int64_t columns) const override { return (columns + 15) / 16 * 16; }
  size_t adapter_copy_bytes(const LinearLora&, int64_t in, int64_t out) const override;
  int64_t logits_chunk_bytes() const override { return int64_t{512} << 20; }
  DeviceMemoryInfo memory() const override;
  void* allocate(size_t bytes) override;
  void release(void*) override;
  void copy_to_device(void* to, const void* from, size_t bytes) override;
  void copy_to_host(void* to, const void* from, size_t bytes) override;
  void zero(void* to, size_t bytes) override;
  void synchronize() override;
  int mark() override;
  double seconds_between(int mark, int later_mark) override;
  void upload_weight(Weight* to, const WeightShape&, int64_t first_row, const TensorView& from) override;
  void read_activations(float* to, const Activation* from, int64_t count) override;
  void read_logits(float* to, const Activation* from, int64_t count) override;
  size_t scratch_bytes(const ScratchLimits&) const override;
  void reserve_scratch(const ScratchLimits&) override;

  void embedding(int64_t rows, int64_t width, const int32_t* ids, const Weight* table, Activation* y) override;
  void rms_norm_forward(int64_t rows, int64_t width, double epsilon, const Activation* x, const Weight* w, float* rstd,
                        Activation* y) override;
  void rms_norm_backward(int64_t rows, int64_t width, const Activation* x, const Weight* w, const float* rstd,
                         const Activation* dy, Activation* dx) override;
  void rope(const Rope&) override;
  void attention_forward(const AttentionForward&) override;
  void attention_backward(const AttentionBackward&) override;
  void swiglu_forward(int64_t rows, int64_t width, const Activation* gate_up, Activation* y) override;
  void swiglu_backward(int64_t rows, int64_t width, Activation* dy, Activation* gate_up) override;
  void round_adapter(const LinearLora&, int64_t in, int64_t out) override;
  void linear_forward(const LinearForward&) override;
  void linear_backward(const LinearBackward&) override;
  void linear_backward_a(const LinearBackward&) override;
  void gather_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) override;
  void scatter_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) override;
  void cross_entropy(const CrossEntropy&) override;
  void add_sum(int64_t count, const float* values, double* total) override;
  void gradient_norm(int64_t count, const float* gradient, double* norm) override;
  void adamw(const AdamW&) override;

 private:
  /** Calls `work` with a null pointer of the activations' element type, which is the weights' too. */
  template <class Work>
  void for_element(const Work& work) {
    if (options_.float32) {
      work(static_cast<float*>(nullptr));
    } else {
      work(static_cast<__nv_bfloat16*>(nullptr));
    }
  }
  cudaStream_t stream() const { return target_.stream; }
  /** A tensor of a file in the activations' format, piece by piece: beside its own, it takes no memory of the device. */
  void copy_rounded(void* to, const TensorView& from);
  size_t kernel_scratch_bytes(const ScratchLimits&) const;
  /** Throws Error. */
  void place_scratch(const ScratchLimits&);
  /** `w` as the products take it; a 4-bit weight is widened into scratch first. */
  template <class T>
  const T* product_weight(const Weight* w, WeightShape::Use, int64_t out, int64_t in);
  /** By the fastest kernel that takes it. */
  template <class T>
  void multiply(const Gemm<T>&);
  template <class T>
  void linear_forward(const LinearForward&, int64_t stride);
  template <class T>
  void linear_backward(const LinearBackward&, int64_t stride);

  CudaOptions options_;
  CudaTarget target_;
  std::byte* scratch_ = nullptr;  // one allocation; begins with what one kernel at a time uses
  std::byte* cublas_workspace_ = nullptr;
  std::byte* widened_ = nullptr;  // a 4-bit weight as bfloat16, for one product
  size_t scratch_bytes_ = 0;
  ScratchLimits scratch_limits_;  // of what is there: the largest of all callers'
  std::byte* staging_ = nullptr;  // pinned, for copies to the device: two halves
  size_t staging_used_ = 0;       // of the current half
  int staging_half_ = 0;
  cudaEvent_t staged_[2] = {};    // a half's copies are done
  std::vector<cudaEvent_t> marks_;
  std::unique_ptr<CublasLt> cublas_;
};

template <class T>
T* as(Activation* p) {
  return reinterpret_cast<T*>(p);
}
template <class T>
const T* as(const Activation* p) {
  return reinterpret_cast<const T*>(p);
}
template <class T>
const T* as(const Weight* p) {
  return reinterpret_cast<const T*>(p);
}

}  // namespace tunesmith
