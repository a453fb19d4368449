/**
 * linear_forward:  y = residual + x·wᵀ + scale·(x·aᵀ)·bᵀ, saving xa = x·aᵀ.
 * linear_backward: g = scale·dy·b; dx = dy·w + g·a; da += gᵀ·x; db += scale·dyᵀ·xa. w is frozen: no dw.
 *   x, dx [rows, in]; w [out, in]; y, dy [rows, out]; xa, g [rows, parts·rank]; a [parts·rank, in]; b [columns, rank]
 * float32, products by OpenBLAS. FLOP: forward 2·rows·in·out + 2·rows·parts·rank·in + 2·rows·rank·Σcolumns; the
 * backward the same for dx plus as much again for da and db. The adapter's products read x and read and write y once
 * more: 4·rows·(in + 2·Σcolumns) bytes.
 * Limits: each size below 2^31 (BLAS integers); products of sizes may exceed it.
 */
#include <cblas.h>
#include <omp.h>

#include <cstring>

#include "cpu/device.h"

namespace tunesmith {

namespace {

/** c [m, n] = alpha·op(a)·op(b) + beta·c. */
void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, ta, tb, static_cast<blasint>(m), static_cast<blasint>(n), static_cast<blasint>(k), alpha,
              a, static_cast<blasint>(lda), b, static_cast<blasint>(ldb), beta, c, static_cast<blasint>(ldc));
}

}  // namespace

void CpuDevice::linear_forward(const LinearForward& op) {
  omp_set_num_threads(threads_);  // OpenBLAS' OpenMP build follows it
  const float* x = as_float(op.x);
  const int64_t adapter_columns = op.lora.columns();
  float* xa = as_float(op.xa);
  if (adapter_columns > 0) {
    gemm(CblasNoTrans, CblasTrans, op.rows, adapter_columns, op.in, 1, x, op.in, op.lora.a, op.in, 0, xa,
         adapter_columns);
  }
  if (op.y == nullptr) return;
  float* y = as_float(op.y);
  if (op.residual != nullptr) std::memcpy(y, op.residual, static_cast<size_t>(op.rows * op.out) * sizeof(float));
  gemm(CblasNoTrans, CblasTrans, op.rows, op.out, op.in, 1, x, op.in, as_float(op.w), op.in,
       op.residual != nullptr ? 1.0f : 0.0f, y, op.out);
  for (int i = 0; i < op.lora.parts; ++i) {
    const LinearLora::Part& part = op.lora.part[i];
    gemm(CblasNoTrans, CblasTrans, op.rows, part.columns, op.lora.rank, op.lora.scale, xa + i * op.lora.rank,
         adapter_columns, part.b, op.lora.rank, 1, y + part.first_column, op.out);
  }
}

void CpuDevice::linear_backward(const LinearBackward& op) {
  omp_set_num_threads(threads_);
  const float* dy = as_float(op.dy);
  const int64_t adapter_columns = op.lora.columns();
  float* g = as_float(op.g);
  for (int i = 0; i < op.lora.parts; ++i) {
    const LinearLora::Part& part = op.lora.part[i];
    const float* dy_part = dy + part.first_column;
    gemm(CblasNoTrans, CblasNoTrans, op.rows, op.lora.rank, part.columns, op.lora.scale, dy_part, op.out, part.b,
         op.lora.rank, 0, g + i * op.lora.rank, adapter_columns);
    gemm(CblasTrans, CblasNoTrans, part.columns, op.lora.rank, op.rows, op.lora.scale, dy_part, op.out,
         as_float(op.xa) + i * op.lora.rank, adapter_columns, 1, op.db[i], op.lora.rank);
  }
  if (adapter_columns > 0) {
    gemm(CblasTrans, CblasNoTrans, adapter_columns, op.in, op.rows, 1, g, adapter_columns, as_float(op.x), op.in, 1,
         op.da, op.in);
  }
  if (op.dx == nullptr) return;
  float* dx = as_float(op.dx);
  gemm(CblasNoTrans, CblasNoTrans, op.rows, op.in, op.out, 1, dy, op.out, as_float(op.w), op.in, 0, dx, op.in);
  if (adapter_columns > 0) {
    gemm(CblasNoTrans, CblasNoTrans, op.rows, op.in, adapter_columns, 1, g, adapter_columns, op.lora.a, op.in, 1, dx,
         op.in);
  }
}

}  // namespace tunesmith
