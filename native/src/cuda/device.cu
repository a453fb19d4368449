/**
 * CudaDevice: opening a GPU, its memory, copies to and from it.
 *
 * Copies to the device go through two halves of a pinned buffer, so that the caller may change its data at once while the
 * copy takes its place among the ops; bytes: once over PCIe, about 25 GB/s.
 */
#include "cuda/device.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/attention.h"
#include "cuda/check.h"
#include "cuda/cublaslt.h"
#include "cuda/element.cuh"
#include "cuda/lora_products.h"
#include "cuda/nf4.h"
#include "cuda/nvml.h"
#include "cuda/reductions.h"
#include "io/safetensors.h"

namespace tunesmith {

namespace {

constexpr size_t kStagingHalf = size_t{8} << 20;

/** Is there where every other kernel is: in code for this GPU's generation. */
__global__ void compiled_for_this_gpu() {}

void require_code_for(int index) {
  cudaFuncAttributes attributes;
  const cudaError_t code = cudaFuncGetAttributes(&attributes, compiled_for_this_gpu);
  if (code != cudaErrorNoKernelImageForDevice && code != cudaErrorInvalidDeviceFunction) {
    return check_cuda(code, "opening it");
  }
  cudaGetLastError();
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, index), "opening it");
  throw Error("device-unavailable", std::string("This engine was not compiled for ") + properties.name +
                                        " (compute capability " + std::to_string(properties.major) + "." +
                                        std::to_string(properties.minor) + "); install the packaged one.");
}

/** Memory of the device for as long as a scope lasts. */
class Temporary {
 public:
  Temporary(Device& device, size_t bytes) : device_(device), data_(device.allocate(bytes)) {}
  ~Temporary() { device_.release(data_); }
  Temporary(const Temporary&) = delete;
  void* data() const { return data_; }

 private:
  Device& device_;
  void* data_;
};

/** Elements `first`… of a tensor whose dtype keeps each by itself, widened. */
std::vector<float> widened_piece(const TensorView& from, int64_t first, int64_t count) {
  TensorView piece = from;
  const size_t size = from.bytes.size() / static_cast<size_t>(from.count());
  piece.shape = {count};
  piece.bytes = from.bytes.subspan(static_cast<size_t>(first) * size, static_cast<size_t>(count) * size);
  std::vector<float> values(static_cast<size_t>(count));
  piece.copy_to(values);
  return values;
}

size_t round_up(size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

CudaDevice::CudaDevice(const CudaOptions& options) : options_(options) {
  require_usable_gpu(options.index);
  check_cuda(cudaSetDevice(options.index), "opening it");
  require_code_for(options.index);
  check_cuda(cudaStreamCreateWithFlags(&target_.stream, cudaStreamNonBlocking), "opening it");
  const auto attribute = [&](cudaDeviceAttr which) {
    int value = 0;
    check_cuda(cudaDeviceGetAttribute(&value, which, options.index), "asking for its size");
    return value;
  };
  target_.multiprocessors = attribute(cudaDevAttrMultiProcessorCount);
  target_.capability =
      attribute(cudaDevAttrComputeCapabilityMajor) * 10 + attribute(cudaDevAttrComputeCapabilityMinor);
  target_.shared_memory = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  check_cuda(cudaMallocHost(&staging_, 2 * kStagingHalf), "taking pinned memory");
  for (cudaEvent_t& event : staged_) {
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "opening it");
  }
  // On Hopper the own products, which do the adapter's share and SwiGLU besides, are as fast or faster (bench/h100.md).
  if (options.cublas && !options.float32 && target_.capability != 90) cublas_ = CublasLt::open();
}

CudaDevice::~CudaDevice() {
  cudaStreamSynchronize(stream());
  cublas_.reset();
  cudaFree(scratch_);
  cudaFreeHost(staging_);
  for (cudaEvent_t event : staged_) cudaEventDestroy(event);
  for (cudaEvent_t event : marks_) cudaEventDestroy(event);
  cudaStreamDestroy(stream());
}

DeviceMemoryInfo CudaDevice::memory() const {
  size_t available = 0, total = 0;
  check_cuda(cudaMemGetInfo(&available, &total), "asking for its free memory");
  return {static_cast<int64_t>(total), static_cast<int64_t>(available)};
}

void* CudaDevice::allocate(size_t bytes) {
  void* memory = nullptr;
  const cudaError_t code = cudaMalloc(&memory, std::max<size_t>(bytes, 1));
  if (code == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is not sticky, but the next launch would report it
    const DeviceMemoryInfo now = this->memory();
    throw Error("out-of-memory", "The GPU has no " + std::to_string(bytes / 1'000'000) + " MB of memory left (" +
                                     std::to_string(now.available / 1'000'000) +
                                     " MB are free): close what else uses it, lower the sequences computed at once, or "
                                     "choose a smaller model.");
  }
  check_cuda(code, "allocating memory");
  return memory;
}

void CudaDevice::release(void* memory) { cudaFree(memory); }

void CudaDevice::copy_to_device(void* to, const void* from, size_t bytes) {
  auto* target = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    if (staging_used_ == kStagingHalf) {
      check_cuda(cudaEventRecord(staged_[staging_half_], stream()), "copying to it");
      staging_half_ ^= 1;
      staging_used_ = 0;
      check_cuda(cudaEventSynchronize(staged_[staging_half_]), "copying to it");
    }
    const size_t part = std::min(bytes, kStagingHalf - staging_used_);
    std::byte* staging = staging_ + static_cast<size_t>(staging_half_) * kStagingHalf + staging_used_;
    std::memcpy(staging, source, part);
    check_cuda(cudaMemcpyAsync(target, staging, part, cudaMemcpyHostToDevice, stream()), "copying to it");
    staging_used_ += part;
    target += part, source += part, bytes -= part;
  }
}

void CudaDevice::copy_to_host(void* to, const void* from, size_t bytes) {
  if (bytes > 0) check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "copying from it");
  synchronize();
}

void CudaDevice::zero(void* to, size_t bytes) { check_cuda(cudaMemsetAsync(to, 0, bytes, stream()), "clearing memory"); }

void CudaDevice::synchronize() { check_cuda(cudaStreamSynchronize(stream()), "computing"); }

int CudaDevice::mark() {
  cudaEvent_t event;
  check_cuda(cudaEventCreate(&event), "measuring");
  marks_.push_back(event);
  check_cuda(cudaEventRecord(event, stream()), "measuring");
  return static_cast<int>(marks_.size()) - 1;
}

double CudaDevice::seconds_between(int mark, int later_mark) {
  const cudaEvent_t later = marks_[static_cast<size_t>(later_mark)];
  check_cuda(cudaEventSynchronize(later), "measuring");
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, marks_[static_cast<size_t>(mark)], later), "measuring");
  return static_cast<double>(milliseconds) * 1e-3;
}

// Weights and activations ----------------------------------------------------------------------------------------------

size_t CudaDevice::weight_bytes(const WeightShape& shape) const {
  if (options_.nf4 && shape.use == WeightShape::Use::product) return nf4_bytes(shape);
  return static_cast<size_t>(shape.rows * shape.columns) * activation_size();
}

void CudaDevice::upload_weight(Weight* to, const WeightShape& shape, int64_t first_row, const TensorView& from) {
  const int64_t count = from.count();
  const size_t bytes = static_cast<size_t>(count) * activation_size();
  const bool compress = options_.nf4 && shape.use == WeightShape::Use::product;
  if (compress) {
    check_nf4_part(shape, first_row, from);
    if (nf4_take_over(target_, *this, shape, first_row, from, to)) return;
  }
  if (!compress) {
    copy_rounded(reinterpret_cast<std::byte*>(to) + static_cast<size_t>(first_row * shape.columns) * activation_size(), from);
    return;
  }
  const Temporary place(*this, bytes);
  copy_rounded(place.data(), from);
  for_element([&]<class T>(T*) {
    nf4_quantise(target_, shape, first_row, count / shape.columns, static_cast<const T*>(place.data()), to);
  });
  synchronize();
}

void CudaDevice::copy_rounded(void* to, const TensorView& from) {
  constexpr int64_t kPiece = int64_t{4} << 20;
  const int64_t count = from.count();
  if (from.dtype == DType::bf16 && !options_.float32) {
    copy_to_device(to, from.bytes.data(), static_cast<size_t>(count) * sizeof(__nv_bfloat16));
    return;
  }
  // A 4-bit tensor is widened whole: its scales belong to blocks.
  const int64_t piece = from.dtype == DType::nf4 ? count : kPiece;
  for (int64_t first = 0; first < count; first += piece) {
    const int64_t here = std::min(piece, count - first);
    std::vector<float> values(static_cast<size_t>(from.dtype == DType::nf4 ? count : 0));
    if (from.dtype == DType::nf4) {
      from.copy_to(values);
    } else {
      values = widened_piece(from, first, here);
    }
    auto* place = static_cast<std::byte*>(to) + static_cast<size_t>(first) * activation_size();
    if (options_.float32) {
      copy_to_device(place, values.data(), values.size() * sizeof(float));
      continue;
    }
    std::vector<__nv_bfloat16> rounded(values.size());
    std::transform(values.begin(), values.end(), rounded.begin(), [](float x) { return __float2bfloat16_rn(x); });
    copy_to_device(place, rounded.data(), rounded.size() * sizeof(__nv_bfloat16));
  }
}

void CudaDevice::read_activations(float* to, const Activation* from, int64_t count) {
  const size_t values = static_cast<size_t>(count);
  if (options_.float32) {
    copy_to_host(to, from, values * sizeof(float));
    return;
  }
  std::vector<uint16_t> bits(values);
  copy_to_host(bits.data(), from, values * sizeof(uint16_t));
  for (size_t i = 0; i < values; ++i) {
    const uint32_t wide = static_cast<uint32_t>(bits[i]) << 16;
    std::memcpy(to + i, &wide, sizeof wide);
  }
}

void CudaDevice::read_logits(float* to, const Activation* from, int64_t count) {
  if (options_.float32) return read_activations(to, from, count);
  std::vector<__half> values(static_cast<size_t>(count));
  copy_to_host(values.data(), from, values.size() * sizeof(__half));
  std::transform(values.begin(), values.end(), to, [](__half value) { return __half2float(value); });
}

// Scratch --------------------------------------------------------------------------------------------------------------

size_t CudaDevice::kernel_scratch_bytes(const ScratchLimits& limits) const {
  return round_up(std::max({attention_scratch_bytes(limits.attention, limits.tokens), gradient_norm_scratch_bytes(limits.parameters),
                            lora_scratch_bytes(target_, limits.tokens, limits.widest, adapter_stride(limits.adapter_columns))}));
}

size_t CudaDevice::scratch_bytes(const ScratchLimits& limits) const {
  const size_t widened = options_.nf4 ? static_cast<size_t>(limits.product_weights) * activation_size() : 0;
  return kernel_scratch_bytes(limits) + (cublas_ ? kCublasWorkspace : 0) + round_up(widened);
}

void CudaDevice::reserve_scratch(const ScratchLimits& limits) {
  // A caller that needs less must not move the regions below what another still uses.
  ScratchLimits all = scratch_limits_;
  all.tokens = std::max(all.tokens, limits.tokens);
  all.attention = limits.attention;  // of the one model that the device computes
  all.parameters = std::max(all.parameters, limits.parameters);
  all.product_weights = std::max(all.product_weights, limits.product_weights);
  all.widest = std::max(all.widest, limits.widest);
  all.adapter_columns = std::max(all.adapter_columns, limits.adapter_columns);
  const size_t bytes = scratch_bytes(all);
  if (bytes <= scratch_bytes_) return place_scratch(all);
  // The larger one comes first: where it cannot be had, the old one is still there for whom it was there. Given back and
  // asked for again, it might by then be another program's.
  auto* const larger = static_cast<std::byte*>(allocate(bytes));
  if (scratch_ != nullptr) {
    synchronize();
    release(scratch_);
  }
  scratch_ = larger;
  scratch_bytes_ = bytes;
  place_scratch(all);
}

void CudaDevice::place_scratch(const ScratchLimits& limits) {
  scratch_limits_ = limits;
  // The regions, in the order of their use: kernels', cuBLASLt's, widened weights.
  cublas_workspace_ = scratch_ + kernel_scratch_bytes(limits);
  widened_ = cublas_workspace_ + (cublas_ ? kCublasWorkspace : 0);
}

std::unique_ptr<Device> open_cuda_device(const CudaOptions& options) { return std::make_unique<CudaDevice>(options); }

}  // namespace tunesmith
