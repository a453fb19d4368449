/**
 * linear_forward:  y = residual + x·wᵀ + scale·(x·aᵀ)·bᵀ, saving xa = x·aᵀ; asked for, silu(gate)·up of the finished y.
 * linear_backward: g = scale·dy·b; dx = dy·w + g·a; da += gᵀ·x; db += scale·dyᵀ·xa. w is frozen: no dw.
 * linear_backward_a: da += gᵀ·x alone.
 *   x, dx [rows, in]; w [out, in]; y, dy [rows, out]; xa, g [rows, parts·rank]; a [parts·rank, in]; b [columns, rank]
 * With dropout d: xa = d(x)·aᵀ, da += gᵀ·d(x), dx = dy·w + d(g·a), each by a masked copy in `dropped`: 8 to 20 bytes an
 * element of x more.
 * float32, products by OpenBLAS tile by tile; the adapter's share of a tile is added while the tile is in the cache.
 * FLOP: forward 2·rows·in·out + 2·rows·parts·rank·in + 2·rows·rank·Σcolumns; the backward the same for dx plus as much
 * again for da and db. Same bits for any number of threads.
 * Limits: each size below 2^31 (BLAS integers); products of sizes may exceed it.
 */
#include <cstring>

#include "cpu/device.h"
#include "cpu/dropout_mask.h"
#include "cpu/gemm.h"

namespace tunesmith {

namespace {

/** Adds scale·xa·bᵀ of the parts that reach into the tile of y. */
void add_adapter(const LinearForward& op, const Tile& t) {
  for (int i = 0; i < op.lora.parts; ++i) {
    const LinearLora::Part& part = op.lora.part[i];
    const int64_t first = std::max(t.column, part.first_column);
    const int64_t last = std::min(t.column + t.columns, part.first_column + part.columns);
    if (first >= last) continue;
    gemm(CblasNoTrans, CblasTrans, t.rows, last - first, op.lora.rank, op.lora.scale,
         as_float(op.xa) + t.row * op.lora.columns() + i * op.lora.rank, op.lora.columns(),
         part.b + (first - part.first_column) * op.lora.rank, op.lora.rank, 1, as_float(op.y) + t.row * op.out + first,
         op.out);
  }
}

/** The adapter's input: x, or d(x) in op.dropped. */
template <class Op>
const float* adapter_input(const Op& op, int threads) {
  if (op.lora.parts == 0 || op.dropout.share == 0) return as_float(op.x);
  apply_mask(threads, DropoutMask(op.dropout), op.rows, op.in, as_float(op.x), as_float(op.dropped), false);
  return as_float(op.dropped);
}

}  // namespace

void CpuDevice::linear_forward(const LinearForward& op) {
  const float *x = as_float(op.x), *w = as_float(op.w), *adapter_x = adapter_input(op, threads_for(op.rows * op.in));
  const int64_t adapter_columns = op.lora.columns();
  for_tiles(threads_, op.rows, adapter_columns, op.in, [&](const Tile& t) {
    gemm(CblasNoTrans, CblasTrans, t.rows, t.columns, op.in, 1, adapter_x + t.row * op.in, op.in, op.lora.a + t.column * op.in,
         op.in, 0, as_float(op.xa) + t.row * adapter_columns + t.column, adapter_columns);
  });
  if (op.y == nullptr) return;
  for_tiles(threads_, op.rows, op.out, op.in, [&](const Tile& t) {
    float* y = as_float(op.y) + t.row * op.out + t.column;
    if (op.residual != nullptr) {
      const float* residual = as_float(op.residual) + t.row * op.out + t.column;
      for (int64_t i = 0; i < t.rows; ++i) {
        std::memcpy(y + i * op.out, residual + i * op.out, static_cast<size_t>(t.columns) * sizeof(float));
      }
    }
    gemm(CblasNoTrans, CblasTrans, t.rows, t.columns, op.in, 1, x + t.row * op.in, op.in, w + t.column * op.in, op.in,
         op.residual != nullptr ? 1.0f : 0.0f, y, op.out);
    add_adapter(op, t);
  });
  if (op.swiglu != nullptr) swiglu_forward(op.rows, op.out / 2, op.y, op.swiglu);
}

void CpuDevice::linear_backward(const LinearBackward& op) {
  const float *dy = as_float(op.dy), *w = as_float(op.w);
  const int64_t rank = op.lora.rank, adapter_columns = op.lora.columns();
  float* g = as_float(op.g);
  for (int i = 0; i < op.lora.parts; ++i) {
    const LinearLora::Part& part = op.lora.part[i];
    const float* dy_part = dy + part.first_column;
    for_tiles(threads_, op.rows, rank, part.columns, [&](const Tile& t) {
      gemm(CblasNoTrans, CblasNoTrans, t.rows, t.columns, part.columns, op.lora.scale, dy_part + t.row * op.out, op.out,
           part.b + t.column, rank, 0, g + t.row * adapter_columns + i * rank + t.column, adapter_columns);
    });
    for_tiles(threads_, part.columns, rank, op.rows, [&](const Tile& t) {
      gemm(CblasTrans, CblasNoTrans, t.rows, t.columns, op.rows, op.lora.scale, dy_part + t.row, op.out,
           as_float(op.xa) + i * rank + t.column, adapter_columns, 1, op.db[i] + t.row * rank + t.column, rank);
    });
  }
  if (op.x != nullptr) linear_backward_a(op);
  if (op.dx == nullptr) return;
  const bool dropout = adapter_columns > 0 && op.dropout.share > 0;
  for_tiles(threads_, op.rows, op.in, op.out, [&](const Tile& t) {
    float* dx = as_float(op.dx) + t.row * op.in + t.column;
    gemm(CblasNoTrans, CblasNoTrans, t.rows, t.columns, op.out, 1, dy + t.row * op.out, op.out, w + t.column, op.in, 0,
         dx, op.in);
    if (adapter_columns > 0) {
      float* share = dropout ? as_float(op.dropped) + t.row * op.in + t.column : dx;
      gemm(CblasNoTrans, CblasNoTrans, t.rows, t.columns, adapter_columns, 1, g + t.row * adapter_columns,
           adapter_columns, op.lora.a + t.column, op.in, dropout ? 0.0f : 1.0f, share, op.in);
    }
  });
  if (dropout) {
    apply_mask(threads_for(op.rows * op.in), DropoutMask(op.dropout), op.rows, op.in, as_float(op.dropped),
               as_float(op.dx), true);
  }
  if (op.gate_up != nullptr) swiglu_backward(op.rows, op.in, op.dx, op.gate_up);
}

void CpuDevice::linear_backward_a(const LinearBackward& op) {
  const float *g = as_float(op.g), *x = adapter_input(op, threads_for(op.rows * op.in));
  const int64_t adapter_columns = op.lora.columns();
  for_tiles(threads_, adapter_columns, op.in, op.rows, [&](const Tile& t) {
    gemm(CblasTrans, CblasNoTrans, t.rows, t.columns, op.rows, 1, g + t.row, adapter_columns, x + t.column, op.in, 1,
         op.da + t.row * op.in + t.column, op.in);
  });
}

}  // namespace tunesmith
