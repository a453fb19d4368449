#pragma once
#include <cstddef>
#include <cstdint>

namespace tunesmith {

/** Scratch that CudaDevice::gradient_norm needs for `count` parameters. */
size_t gradient_norm_scratch_bytes(int64_t count);

}  // namespace tunesmith
