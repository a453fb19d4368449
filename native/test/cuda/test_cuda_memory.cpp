/** A GPU whose memory is taken: what cannot be had leaves what is there as it was. */
#include "compare.h"
#include "error.h"
#include "model/arena.h"

using namespace tunesmith;
using namespace tunesmith::cuda_test;

namespace {

/** All of a GPU's free memory, but for what is left in pieces below a megabyte. */
class AllMemory {
 public:
  explicit AllMemory(Device& device) {
    for (size_t bytes = size_t{64} << 30; bytes >= size_t{1} << 20;) {
      try {
        taken_.push_back(std::make_unique<DeviceMemory>(device, bytes));
      } catch (const Error&) {
        bytes /= 2;
      }
    }
  }

 private:
  std::vector<std::unique_ptr<DeviceMemory>> taken_;
};

constexpr int64_t kRows = 200, kHead = 64;

ScratchLimits limits_for(int64_t tokens) {
  ScratchLimits limits;
  limits.tokens = tokens;
  limits.attention = {4, 2, kHead};
  return limits;
}

/** What attention gives on the GPU, with the scratch that is there. */
Floats attention(Backends& b) {
  Tensor qkv(b, normal_floats(static_cast<size_t>(kRows * (4 + 2 * 2) * kHead), 5));
  Tensor out = Tensor::poisoned(b, static_cast<size_t>(kRows * 4 * kHead));
  DeviceMemory lse(*b.gpu, kRows * 4 * sizeof(float)), starts(*b.gpu, 2 * sizeof(int32_t));
  const int32_t bounds[] = {0, kRows};
  b.gpu->copy_to_device(starts.data(), bounds, sizeof bounds);
  AttentionForward op;
  op.shape = {4, 2, kHead};
  op.documents = 1, op.rows = kRows, op.starts = static_cast<const int32_t*>(starts.data());
  op.qkv = qkv.gpu(), op.out = out.gpu(), op.lse = static_cast<float*>(lse.data());
  b.gpu->attention_forward(op);
  return out.gpu_values();
}

}  // namespace

TEST_CASE("CUDA scratch that cannot grow stays what it was") {
  for (const bool float32 : {false, true}) {
    CAPTURE(float32);
    CudaOptions options;
    options.float32 = float32;
    Backends b(options);
    b.gpu->reserve_scratch(limits_for(kRows));
    const Floats before = attention(b);
    // The test's own tensors need a little.
    auto room = std::make_unique<DeviceMemory>(*b.gpu, size_t{16} << 20);
    {
      const AllMemory all(*b.gpu);
      room.reset();
      try {
        b.gpu->reserve_scratch(limits_for(int64_t{1} << 26));
        FAIL("there was memory");
      } catch (const Error& error) {
        CHECK(error.code() == "out-of-memory");
      }
      CHECK(attention(b) == before);
    }
    CHECK_NOTHROW(b.gpu->reserve_scratch(limits_for(4 * kRows)));
    CHECK(attention(b) == before);
  }
}
