#include "cpu/device.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cpu/memory.h"
#include "cpu/scratch.h"
#include "error.h"
#include "io/safetensors.h"

namespace tunesmith {

namespace {
/** Threads that wait for work sleep. By default they spin, which on a machine that does other work takes the processor from
    the thread they wait for: at a load of 10 on 2 cores, 118 to 311 tokens/s spinning, 732 to 794 asleep. libgomp reads the
    variable in a constructor of its own, which has no priority and so runs after this one; what the user has set stays. */
__attribute__((constructor(102))) void let_waiting_threads_sleep() { setenv("OMP_WAIT_POLICY", "passive", 0); }

constexpr size_t kAlignment = 256;
size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
}  // namespace

// 64: how many callers at once the build of OpenBLAS has buffers for.
CpuDevice::CpuDevice(int threads) : threads_(std::clamp(threads, 1, 64)) {}

CpuDevice::~CpuDevice() { std::free(scratch_); }

size_t CpuDevice::weight_bytes(const WeightShape& shape) const {
  return static_cast<size_t>(shape.rows * shape.columns) * sizeof(float);
}

DeviceMemoryInfo CpuDevice::memory() const { return read_memory(); }

void* CpuDevice::allocate(size_t bytes) {
  void* memory = std::aligned_alloc(kAlignment, std::max(round_up(bytes), kAlignment));
  if (memory == nullptr) {
    throw Error("out-of-memory", "The system has no " + std::to_string(bytes / 1'000'000) +
                                     " MB of memory left for training: close other programs, lower the sequences "
                                     "computed at once, or choose a smaller model.");
  }
  return memory;
}

void CpuDevice::release(void* memory) { std::free(memory); }

void CpuDevice::copy_to_device(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);  // an empty list may have no address
}

void CpuDevice::copy_to_host(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

int CpuDevice::mark() {
  marks_.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count());
  return static_cast<int>(marks_.size()) - 1;
}

double CpuDevice::seconds_between(int mark, int later_mark) {
  return marks_[static_cast<size_t>(later_mark)] - marks_[static_cast<size_t>(mark)];
}

void CpuDevice::zero(void* to, size_t bytes) { std::memset(to, 0, bytes); }

void CpuDevice::upload_weight(Weight* to, const WeightShape& shape, int64_t first_row, const TensorView& from) {
  from.copy_to({as_float(to) + first_row * shape.columns, static_cast<size_t>(from.count())});
}

void CpuDevice::read_activations(float* to, const Activation* from, int64_t count) {
  std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
}

size_t CpuDevice::scratch_bytes(const ScratchLimits& limits) const {
  return std::max(attention_scratch_bytes(threads_, limits.attention.head_dim),
                  norm_scratch_bytes(limits.parameters));
}

void CpuDevice::reserve_scratch(const ScratchLimits& limits) {
  const size_t bytes = scratch_bytes(limits);
  if (bytes <= scratch_bytes_) return;
  // The larger one comes first: where it cannot be had, the old one is still there for whom it was there.
  void* const larger = allocate(bytes);
  release(scratch_);
  scratch_ = static_cast<std::byte*>(larger);
  scratch_bytes_ = bytes;
}

std::unique_ptr<Device> open_cpu_device(int threads) { return std::make_unique<CpuDevice>(threads); }

}  // namespace tunesmith
