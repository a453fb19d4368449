#pragma once
#include <cstddef>
#include <cstdint>

#include "ops.h"

namespace tunesmith {

/** Hands out 256-byte aligned pieces of one allocation. Without a base it only counts, so the same code that lays memory
    out also plans it. A copy goes on from the same place: pieces that are never alive together may share memory. */
class Arena {
 public:
  explicit Arena(void* base = nullptr) : base_(reinterpret_cast<uintptr_t>(base)) {}

  void* take_bytes(size_t bytes) {
    void* piece = reinterpret_cast<void*>(base_ + used_);
    used_ += (bytes + 255) / 256 * 256;
    return piece;
  }
  template <class T>
  T* take(int64_t count, size_t element_size) {
    return static_cast<T*>(take_bytes(static_cast<size_t>(count) * element_size));
  }
  template <class T>
  T* take(int64_t count) {
    return take<T>(count, sizeof(T));
  }
  size_t used() const { return used_; }
  /** Goes on after `other` where that is further. */
  void cover(const Arena& other) {
    if (other.used_ > used_) used_ = other.used_;
  }

 private:
  uintptr_t base_;
  size_t used_ = 0;
};

/** Memory of a device, released with its owner. */
class DeviceMemory {
 public:
  DeviceMemory(Device& device, size_t bytes) : device_(device), data_(device.allocate(bytes)) {}
  ~DeviceMemory() { device_.release(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void* data() const { return data_; }

 private:
  Device& device_;
  void* data_;
};

/** The element `elements` further on. */
inline Activation* advance(const Device& device, Activation* p, int64_t elements) {
  const int64_t bytes = elements * static_cast<int64_t>(device.activation_size());
  return reinterpret_cast<Activation*>(reinterpret_cast<std::byte*>(p) + bytes);
}

}  // namespace tunesmith
