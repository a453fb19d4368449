#pragma once
#include <cstddef>
#include <cstdint>

namespace tunesmith {

/** What each op wants of the device's scratch; one op runs at a time, so they share it. */
size_t attention_scratch_bytes(int threads, int64_t head_dim);
size_t norm_scratch_bytes(int64_t count);

}  // namespace tunesmith
