#pragma once
#include <cuda_fp16.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "ops.h"

/** What the CUDA tests share: the same random inputs on both backends, outputs poisoned, the CPU's result as the oracle. */
namespace tunesmith::cuda_test {

using Floats = std::vector<float>;

/** The GPU in one of its formats, and the CPU beside it. */
struct Backends {
  explicit Backends(CudaOptions options = {})
      : float32(options.float32), cpu(open_cpu_device(4)), gpu(open_cuda_device(options)) {}
  bool float32;
  std::unique_ptr<Device> cpu, gpu;
  /** Relative L2 that rounding alone explains. */
  double tolerance() const { return float32 ? 1e-5 : 1e-2; }
  void reserve(const ScratchLimits& limits) { cpu->reserve_scratch(limits), gpu->reserve_scratch(limits); }
};

inline uint16_t bf16_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}
inline float bf16_value(float x) {
  const uint32_t bits = static_cast<uint32_t>(bf16_bits(x)) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

inline Floats normal_floats(size_t count, uint32_t seed, float spread = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  Floats out(count);
  for (float& x : out) x = normal(engine);
  return out;
}

/** Activations (or weights of the table kind) on both backends; the CPU's hold what the GPU's format can. */
class Tensor {
 public:
  enum class Format { activation, logits };
  Tensor(Backends& b, Floats values, Format format = Format::activation) : b_(b), host_(std::move(values)), format_(format) {
    if (!b.float32) {
      for (float& x : host_) x = format == Format::logits ? __half2float(__float2half_rn(x)) : bf16_value(x);
    }
    // Guarded: a kernel that writes behind its output is seen by check_guard.
    memory_ = b.gpu->allocate(bytes() + kGuard);
    upload();
  }
  static Tensor poisoned(Backends& b, size_t count) { return {b, Floats(count, std::numeric_limits<float>::quiet_NaN())}; }
  Tensor(Tensor&& other) noexcept
      : b_(other.b_), host_(std::move(other.host_)), format_(other.format_), memory_(std::exchange(other.memory_, nullptr)) {}
  ~Tensor() {
    if (memory_) b_.gpu->release(memory_);
  }
  Activation* cpu() { return reinterpret_cast<Activation*>(host_.data()); }
  Activation* gpu() { return static_cast<Activation*>(memory_); }
  const Weight* cpu_weight() { return reinterpret_cast<const Weight*>(host_.data()); }
  const Weight* gpu_weight() { return static_cast<const Weight*>(memory_); }
  const Floats& oracle() const { return host_; }
  Floats gpu_values() {
    Floats out(host_.size());
    b_.gpu->read_activations(out.data(), gpu(), static_cast<int64_t>(out.size()));
    return out;
  }
  Floats gpu_logits() {
    Floats out(host_.size());
    b_.gpu->read_logits(out.data(), gpu(), static_cast<int64_t>(out.size()));
    return out;
  }
  bool guard_intact() {
    std::vector<unsigned char> guard(kGuard);
    b_.gpu->copy_to_host(guard.data(), static_cast<std::byte*>(memory_) + bytes(), kGuard);
    for (const unsigned char c : guard) {
      if (c != 0xA5) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kGuard = 256;
  size_t bytes() const { return host_.size() * b_.gpu->activation_size(); }
  void upload() {
    const std::vector<unsigned char> guard(kGuard, 0xA5);
    b_.gpu->copy_to_device(static_cast<std::byte*>(memory_) + bytes(), guard.data(), kGuard);
    if (b_.float32) {
      b_.gpu->copy_to_device(memory_, host_.data(), bytes());
      return;
    }
    std::vector<uint16_t> bits(host_.size());
    for (size_t i = 0; i < bits.size(); ++i) {
      bits[i] = format_ == Format::logits ? __half_as_ushort(__float2half_rn(host_[i])) : bf16_bits(host_[i]);
    }
    b_.gpu->copy_to_device(memory_, bits.data(), bytes());
  }
  Backends& b_;
  Floats host_;
  Format format_ = Format::activation;
  void* memory_ = nullptr;
};

/** Plain values (float, double, int32_t) on both backends. */
template <class T>
class Values {
 public:
  Values(Backends& b, std::vector<T> values)
      : b_(b), host_(std::move(values)), memory_(b.gpu->allocate(host_.size() * sizeof(T))) {
    b.gpu->copy_to_device(memory_, host_.data(), host_.size() * sizeof(T));
  }
  ~Values() { b_.gpu->release(memory_); }
  Values(const Values&) = delete;
  T* cpu() { return host_.data(); }
  T* gpu() { return static_cast<T*>(memory_); }
  const std::vector<T>& oracle() const { return host_; }
  std::vector<T> gpu_values() {
    std::vector<T> out(host_.size());
    b_.gpu->copy_to_host(out.data(), memory_, out.size() * sizeof(T));
    return out;
  }

 private:
  Backends& b_;
  std::vector<T> host_;
  void* memory_;
};

/** ‖ours − reference‖ / ‖reference‖; infinite for anything not finite. */
template <class A, class B>
double relative_error(const std::vector<A>& ours, const std::vector<B>& reference) {
  if (ours.size() != reference.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, squares = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double d = static_cast<double>(ours[i]) - static_cast<double>(reference[i]);
    difference += d * d;
    squares += static_cast<double>(reference[i]) * static_cast<double>(reference[i]);
  }
  const double error = std::sqrt(difference / (squares > 0 ? squares : 1.0));
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

}  // namespace tunesmith::cuda_test
