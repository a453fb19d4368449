/**
 * attention: which kernels compute it. float32: the plain ones. bf16: Hopper's where they take the shape, else mma.sync's,
 * and the plain ones for head sizes that neither takes. See each file for its bytes, FLOPs and limits.
 */
#include "cuda/attention.h"

namespace tunesmith {

void CudaDevice::attention_forward(const AttentionForward& op) {
  if (op.rows == op.first_row) return;
  if (options_.float32) {
    attention_forward_f32(target_, op, scratch_);
  } else if (attention_sm90_takes(target_, op.shape, op.first_row)) {
    attention_forward_sm90(target_, op, scratch_);
  } else if (attention_mma_takes(op.shape)) {
    attention_forward_mma(target_, op, scratch_);
  } else {
    attention_forward_plain(target_, op, scratch_);
  }
}

void CudaDevice::attention_backward(const AttentionBackward& op) {
  if (op.rows == 0) return;
  if (options_.float32) {
    attention_backward_f32(target_, op, scratch_);
  } else if (attention_sm90_takes(target_, op.shape, 0)) {
    attention_backward_sm90(target_, op, scratch_);
  } else if (attention_mma_takes(op.shape)) {
    attention_backward_mma(target_, op, scratch_);
  } else {
    attention_backward_plain(target_, op, scratch_);
  }
}

}  // namespace tunesmith
