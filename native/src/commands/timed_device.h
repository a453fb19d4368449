#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops.h"

namespace tunesmith {

/** Passes everything on to another device and, while asked to, marks the beginning and the end of each op. */
class TimedDevice final : public Device {
 public:
  explicit TimedDevice(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  void start() { timing_ = true; }
  /** Seconds and number of calls by op since start; linear ops by their size. */
  struct Total {
    double seconds = 0;
    int64_t calls = 0;
  };
  std::map<std::string, Total> stop();

  const char* name() const override { return device_->name(); }
  size_t activation_size() const override { return device_->activation_size(); }
  size_t weight_bytes(const WeightShape& shape) const override { return device_->weight_bytes(shape); }
  int64_t adapter_stride(int64_t columns) const override { return device_->adapter_stride(columns); }
  size_t adapter_copy_bytes(const LinearLora& lora, int64_t in, int64_t out) const override {
    return device_->adapter_copy_bytes(lora, in, out);
  }
  int64_t logits_chunk_bytes() const override { return device_->logits_chunk_bytes(); }
  DeviceMemoryInfo memory() const override { return device_->memory(); }
  void* allocate(size_t bytes) override { return device_->allocate(bytes); }
  void release(void* memory) override { device_->release(memory); }
  void copy_to_device(void* to, const void* from, size_t bytes) override { device_->copy_to_device(to, from, bytes); }
  void copy_to_host(void* to, const void* from, size_t bytes) override { device_->copy_to_host(to, from, bytes); }
  void zero(void* to, size_t bytes) override {
    timed("zero", [&] { device_->zero(to, bytes); });
  }
  void synchronize() override { device_->synchronize(); }
  int mark() override { return device_->mark(); }
  double seconds_between(int mark, int later_mark) override { return device_->seconds_between(mark, later_mark); }
  void upload_weight(Weight* to, const WeightShape& shape, int64_t first_row, const TensorView& from) override {
    device_->upload_weight(to, shape, first_row, from);
  }
  void read_activations(float* to, const Activation* from, int64_t count) override {
    device_->read_activations(to, from, count);
  }
  void read_logits(float* to, const Activation* from, int64_t count) override { device_->read_logits(to, from, count); }
  size_t scratch_bytes(const ScratchLimits& limits) const override { return device_->scratch_bytes(limits); }
  void reserve_scratch(const ScratchLimits& limits) override { device_->reserve_scratch(limits); }

  void embedding(int64_t rows, int64_t width, const int32_t* ids, const Weight* table, Activation* y) override {
    timed("embedding", [&] { device_->embedding(rows, width, ids, table, y); });
  }
  void rms_norm_forward(int64_t rows, int64_t width, double epsilon, const Activation* x, const Weight* w, float* rstd,
                        Activation* y) override {
    timed("rms_norm_forward", [&] { device_->rms_norm_forward(rows, width, epsilon, x, w, rstd, y); });
  }
  void rms_norm_backward(int64_t rows, int64_t width, const Activation* x, const Weight* w, const float* rstd,
                         const Activation* dy, Activation* dx) override {
    timed("rms_norm_backward", [&] { device_->rms_norm_backward(rows, width, x, w, rstd, dy, dx); });
  }
  void rope(const Rope& op) override {
    timed("rope", [&] { device_->rope(op); });
  }
  void attention_forward(const AttentionForward& op) override {
    timed("attention_forward", [&] { device_->attention_forward(op); });
  }
  void attention_backward(const AttentionBackward& op) override {
    timed("attention_backward", [&] { device_->attention_backward(op); });
  }
  void swiglu_forward(int64_t rows, int64_t width, const Activation* gate_up, Activation* y) override {
    timed("swiglu_forward", [&] { device_->swiglu_forward(rows, width, gate_up, y); });
  }
  void swiglu_backward(int64_t rows, int64_t width, Activation* dy, Activation* gate_up) override {
    timed("swiglu_backward", [&] { device_->swiglu_backward(rows, width, dy, gate_up); });
  }
  void round_adapter(const LinearLora& lora, int64_t in, int64_t out) override {
    timed("round_adapter", [&] { device_->round_adapter(lora, in, out); });
  }
  void linear_forward(const LinearForward& op) override {
    timed(sized("linear_forward", op.in, op.out), [&] { device_->linear_forward(op); });
  }
  void linear_backward(const LinearBackward& op) override {
    timed(sized("linear_backward", op.in, op.out), [&] { device_->linear_backward(op); });
  }
  void linear_backward_a(const LinearBackward& op) override {
    timed(sized("linear_backward_a", op.in, op.out), [&] { device_->linear_backward_a(op); });
  }
  void gather_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) override {
    timed("gather_rows", [&] { device_->gather_rows(rows, width, index, x, y); });
  }
  void scatter_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) override {
    timed("scatter_rows", [&] { device_->scatter_rows(rows, width, index, x, y); });
  }
  void cross_entropy(const CrossEntropy& op) override {
    timed("cross_entropy", [&] { device_->cross_entropy(op); });
  }
  void add_sum(int64_t count, const float* values, double* total) override {
    timed("add_sum", [&] { device_->add_sum(count, values, total); });
  }
  void gradient_norm(int64_t count, const float* gradient, double* norm) override {
    timed("gradient_norm", [&] { device_->gradient_norm(count, gradient, norm); });
  }
  void adamw(const AdamW& op) override {
    timed("adamw", [&] { device_->adamw(op); });
  }

 private:
  struct Span {
    std::string op;
    int begin, end;
  };
  static std::string sized(const char* op, int64_t in, int64_t out) {
    return std::string(op) + " " + std::to_string(in) + "→" + std::to_string(out);
  }
  template <class Work>
  void timed(const std::string& op, const Work& work) {
    if (!timing_) return work();
    const int begin = device_->mark();
    work();
    spans_.push_back({op, begin, device_->mark()});
  }

  std::unique_ptr<Device> device_;
  bool timing_ = false;
  std::vector<Span> spans_;
};

}  // namespace tunesmith
