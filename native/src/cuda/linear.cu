/**
 * linear_forward:  y = residual + x·wᵀ + xa·(scale·b)ᵀ with xa = x·aᵀ: one pass over x for xa, then one product that runs on
 *                  through the adapter's columns: its share costs no pass over y.
 * linear_backward: g = scale·dy·b and db in one pass over dy, da in one pass over x, then dx = dy·w + g·a as one product.
 *   x, dx [rows, in]; w [out, in]; y, dy [rows, out]; xa, g [rows, stride]; a [parts·rank, in]; b [columns, rank]
 * With dropout d, a slower way: xa = d(x)·aᵀ and da += gᵀ·d(x) read a masked copy of x in `dropped`, and dx = dy·w + d(g·a)
 * is two products and a masked addition, g·a going through `dropped`; SwiGLU's backward then has a pass of its own.
 * The products read the adapter's rounded copy: a [stride, in], then scale·b [out, stride] with the parts on the diagonal.
 * FLOP: 2·rows·(in + stride)·out forward, the same backward, and 2·rows·stride·(in + out) twice for the gradients.
 */
#include <cuda_bf16.h>

#include "cuda/check.h"
#include "cuda/cublaslt.h"
#include "cuda/device.h"
#include "cuda/dropout_mask.h"
#include "cuda/gemm.h"
#include "cuda/lora_products.h"
#include "cuda/nf4.h"

namespace tunesmith {

namespace {

template <class T>
struct AdapterCopy {
  const T *a, *b;  // [stride, in], [out, stride]
};

template <class T>
AdapterCopy<T> copy_of(const LinearLora& lora, int64_t in, int64_t stride) {
  const T* a = static_cast<const T*>(lora.copy);
  return {a, a + stride * in};
}

/** The adapter's input: x, or d(x) in op.dropped. */
template <class T, class Op>
const T* adapter_input(const CudaTarget& target, const Op& op) {
  if (op.dropout.share == 0) return as<T>(op.x);
  apply_mask(target, DropoutMask(op.dropout), op.rows, op.in, as<T>(op.x), as<T>(op.dropped), false);
  return as<T>(op.dropped);
}

}  // namespace

size_t CudaDevice::adapter_copy_bytes(const LinearLora& lora, int64_t in, int64_t out) const {
  return static_cast<size_t>(adapter_stride(lora.columns()) * (in + out)) * activation_size();
}

void CudaDevice::round_adapter(const LinearLora& lora, int64_t in, int64_t out) {
  if (lora.parts == 0) return;
  for_element([&]<class T>(T*) { lora_round<T>(target_, lora, in, out, adapter_stride(lora.columns()), static_cast<T*>(lora.copy)); });
}

template <class T>
const T* CudaDevice::product_weight(const Weight* w, WeightShape::Use use, int64_t out, int64_t in) {
  if (!options_.nf4 || use != WeightShape::Use::product) return as<T>(w);
  T* widened = reinterpret_cast<T*>(widened_);
  nf4_dequantise(target_, {use, out, in}, w, widened);
  return widened;
}

template <>
void CudaDevice::multiply(const Gemm<float>& product) {
  gemm_f32(target_, product);
}

template <>
void CudaDevice::multiply(const Gemm<__nv_bfloat16>& product) {
  if (gemm_sm90_takes(target_, product)) return gemm_sm90(target_, product);
  if (!cublas_ || product.half_d || !cublas_->multiply(target_, product, cublas_workspace_, kCublasWorkspace)) {
    return gemm_mma(target_, product);
  }
  if (product.k2 == 0) return;
  Gemm<__nv_bfloat16> adapter = product;  // cuBLASLt has left the second pair out
  adapter.a = product.a2, adapter.b = product.b2, adapter.lda = product.lda2, adapter.ldb = product.ldb2;
  adapter.k = product.k2, adapter.k2 = 0, adapter.c = product.d;
  gemm_mma(target_, adapter);
}

template <class T>
void CudaDevice::linear_forward(const LinearForward& op, int64_t stride) {
  const AdapterCopy<T> adapter = copy_of<T>(op.lora, op.in, stride);
  if (stride > 0) {
    lora_xa(target_, op.rows, op.in, stride, adapter_input<T>(target_, op), adapter.a, as<T>(op.xa), scratch_);
  }
  if (op.y == nullptr) return;
  Gemm<T> product;
  product.m = op.rows, product.n = op.out, product.k = op.in, product.k2 = stride;
  product.a = as<T>(op.x), product.lda = op.in;
  product.b = product_weight<T>(op.w, op.use, op.out, op.in), product.ldb = op.in;
  product.a2 = as<T>(op.xa), product.lda2 = stride, product.b2 = adapter.b, product.ldb2 = stride;
  product.c = as<T>(op.residual), product.d = as<T>(op.y), product.ldd = op.out;
  bool fused = false;
  product.half_d = op.logits && !options_.float32;
  if constexpr (sizeof(T) == sizeof(__nv_bfloat16)) {
    product.swiglu = as<T>(op.swiglu);
    fused = op.swiglu != nullptr && gemm_sm90_takes(target_, product);
    if (!fused) product.swiglu = nullptr;
  }
  multiply(product);
  if (op.swiglu != nullptr && !fused) swiglu_forward(op.rows, op.out / 2, op.y, op.swiglu);
}

void CudaDevice::linear_forward(const LinearForward& op) {
  if (op.rows == 0) return;
  for_element([&]<class T>(T*) { linear_forward<T>(op, adapter_stride(op.lora.columns())); });
}

template <class T>
void CudaDevice::linear_backward(const LinearBackward& op, int64_t stride) {
  const AdapterCopy<T> adapter = copy_of<T>(op.lora, op.in, stride);
  if (stride > 0) lora_g_and_db<T>(target_, op, stride, adapter.b, scratch_);
  if (op.x != nullptr) linear_backward_a(op);  // before dx, which may take x's place
  const bool dropout = stride > 0 && op.dropout.share > 0;
  if (op.dx != nullptr) {
    Gemm<T> product;
    product.m = op.rows, product.n = op.in, product.k = op.out, product.k2 = dropout ? 0 : stride;
    product.a = as<T>(op.dy), product.lda = op.out;
    product.b = product_weight<T>(op.w, op.use, op.out, op.in), product.ldb = op.in, product.b_transposed = false;
    product.a2 = as<T>(op.g), product.lda2 = stride, product.b2 = adapter.a, product.ldb2 = op.in;
    product.d = as<T>(op.dx), product.ldd = op.in;
    bool fused = false;
    if constexpr (sizeof(T) == sizeof(__nv_bfloat16)) {
      product.gate_up = as<T>(op.gate_up);
      fused = op.gate_up != nullptr && !dropout && gemm_sm90_takes(target_, product);
      if (!fused) product.gate_up = nullptr;
    }
    multiply(product);
    if (dropout) {
      Gemm<T> share;
      share.m = op.rows, share.n = op.in, share.k = stride;
      share.a = as<T>(op.g), share.lda = stride;
      share.b = adapter.a, share.ldb = op.in, share.b_transposed = false;
      share.d = as<T>(op.dropped), share.ldd = op.in;
      multiply(share);
      apply_mask(target_, DropoutMask(op.dropout), op.rows, op.in, as<T>(op.dropped), as<T>(op.dx), true);
    }
    if (op.gate_up != nullptr && !fused) swiglu_backward(op.rows, op.in, op.dx, op.gate_up);
  }
}

void CudaDevice::linear_backward(const LinearBackward& op) {
  if (op.rows == 0) return;
  for_element([&]<class T>(T*) { linear_backward<T>(op, adapter_stride(op.lora.columns())); });
}

void CudaDevice::linear_backward_a(const LinearBackward& op) {
  const int64_t columns = op.lora.columns(), stride = adapter_stride(columns);
  if (op.rows == 0 || columns == 0) return;
  for_element([&]<class T>(T*) {
    lora_da<T>(target_, op.rows, op.in, columns, stride, as<T>(op.g), adapter_input<T>(target_, op), op.da, scratch_);
  });
}

}  // namespace tunesmith
