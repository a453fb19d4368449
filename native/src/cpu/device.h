#pragma once
#include <cstddef>
#include <vector>

#include "ops.h"

namespace tunesmith {

/** The CPU's device: activations and weights are float32 in ordinary memory; every op has run when its call returns.
    OpenMP loops on its own number of threads; products go to OpenBLAS, each call on one of them. The bits do not depend on
    the number of threads. */
class CpuDevice : public Device {
 public:
  explicit CpuDevice(int threads);
  ~CpuDevice() override;

  const char* name() const override { return "cpu"; }
  size_t activation_size() const override { return sizeof(float); }
  size_t weight_bytes(const WeightShape&) const override;
  int64_t adapter_stride(int64_t columns) const override { return columns; }
  size_t adapter_copy_bytes(const LinearLora&, int64_t, int64_t) const override { return 0; }
  int64_t logits_chunk_bytes() const override { return int64_t{16} << 20; }
  DeviceMemoryInfo memory() const override;
  void* allocate(size_t bytes) override;
  void release(void*) override;
  void copy_to_device(void* to, const void* from, size_t bytes) override;
  void copy_to_host(void* to, const void* from, size_t bytes) override;
  void zero(void* to, size_t bytes) override;
  void synchronize() override {}
  int mark() override;
  double seconds_between(int mark, int later_mark) override;
  void upload_weight(Weight* to, const WeightShape&, int64_t first_row, const TensorView& from) override;
  void read_activations(float* to, const Activation* from, int64_t count) override;
  void read_logits(float* to, const Activation* from, int64_t count) override { read_activations(to, from, count); }
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
  void round_adapter(const LinearLora&, int64_t, int64_t) override {}
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
  int threads_;
  std::byte* scratch_ = nullptr;
  size_t scratch_bytes_ = 0;
  std::vector<double> marks_;  // seconds of a steady clock
  /** Threads for a loop over `elements`: one where starting the others would cost more than it saves. */
  int threads_for(int64_t elements) const { return elements < 16384 ? 1 : threads_; }
};

inline float* as_float(Activation* p) { return reinterpret_cast<float*>(p); }
inline const float* as_float(const Activation* p) { return reinterpret_cast<const float*>(p); }
inline float* as_float(Weight* p) { return reinterpret_cast<float*>(p); }
inline const float* as_float(const Weight* p) { return reinterpret_cast<const float*>(p); }

}  // namespace tunesmith
