/**
 * attention: block-diagonal causal attention over packed documents, grouped key/value heads, scores scaled by
 * 1/sqrt(head_dim). See AttentionForward/AttentionBackward in ops.h for shapes.
 *
 * Flash-style: tiles of 64 queries × up to 256 keys, softmax online in the forward; the backward recomputes the
 * probabilities from the log-sum-exp. Memory beside inputs and outputs: three tiles and a row of 64 a thread, whatever
 * the sequence length. float32; a tile's products go to OpenBLAS on the task's thread.
 *   forward: FLOP 2·2·head_dim per query head and (query, key) pair; tasks are (document, query head, 64 queries)
 *   backward: 5 products instead of 2; tasks are (document, key/value head), so each gradient has one writer
 * Tasks are handed out dynamically, but which thread runs one has no influence on its bits.
 * Limits: rows below 2^31.
 */
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cpu/device.h"
#include "cpu/gemm.h"
#include "cpu/scratch.h"
#include "cpu/simd.h"

namespace tunesmith {

namespace {

constexpr int64_t kQueries = 64, kKeys = 256;

/** One thread's share of the scratch. */
struct Tiles {
  float *scores, *gradient;          // [kQueries, kKeys]
  float *out;                        // [kQueries, head_dim]
  float *maximum, *sum, *delta;      // [kQueries]
};

size_t floats_per_thread(int64_t head_dim) {
  return static_cast<size_t>(2 * kQueries * kKeys + kQueries * head_dim + 3 * kQueries);
}

Tiles tiles_of(std::byte* scratch, int thread, int64_t head_dim) {
  float* p = reinterpret_cast<float*>(scratch) + static_cast<size_t>(thread) * floats_per_thread(head_dim);
  Tiles t;
  t.scores = p;
  t.gradient = t.scores + kQueries * kKeys;
  t.out = t.gradient + kQueries * kKeys;
  t.maximum = t.out + kQueries * head_dim;
  t.sum = t.maximum + kQueries;
  t.delta = t.sum + kQueries;
  return t;
}

/** Scores of one row become exp(score - new maximum), those after the diagonal 0; `out` and `sum` so far are rescaled. */
TUNESMITH_ROW_KERNEL void online_softmax_row(int64_t visible, int64_t keys, int64_t head_dim, float* scores, float* out,
                                             float* maximum, float* sum) {
  float largest = *maximum;
#pragma omp simd reduction(max : largest)
  for (int64_t j = 0; j < visible; ++j) largest = scores[j] > largest ? scores[j] : largest;
  const float rescale = exp_approximate(*maximum - largest);
  float total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t j = 0; j < visible; ++j) {
    scores[j] = exp_approximate(scores[j] - largest);
    total += scores[j];
  }
  for (int64_t j = visible; j < keys; ++j) scores[j] = 0;
  if (rescale != 1.0f) {
#pragma omp simd
    for (int64_t d = 0; d < head_dim; ++d) out[d] *= rescale;
  }
  *sum = *sum * rescale + total;
  *maximum = largest;
}

TUNESMITH_ROW_KERNEL void divide_row(int64_t head_dim, float sum, const float* from, float* to) {
  const float inverse = 1.0f / sum;
#pragma omp simd
  for (int64_t d = 0; d < head_dim; ++d) to[d] = from[d] * inverse;
}

TUNESMITH_ROW_KERNEL float dot(int64_t count, const float* a, const float* b) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) sum += a[j] * b[j];
  return sum;
}

/** scores become the probabilities, dp their gradient with respect to the scores before scaling. */
TUNESMITH_ROW_KERNEL void backward_row(int64_t visible, int64_t keys, float lse, float delta, float scale,
                                       float* scores, float* dp) {
#pragma omp simd
  for (int64_t j = 0; j < visible; ++j) {
    const float p = exp_approximate(scores[j] - lse);
    scores[j] = p;
    dp[j] = scale * p * (dp[j] - delta);
  }
  for (int64_t j = visible; j < keys; ++j) scores[j] = dp[j] = 0;
}

struct ForwardTask {
  int32_t document;
  int32_t first, last;  // rows of the queries
};

void forward_tile(const AttentionForward& op, const Tiles& t, const ForwardTask& task, int64_t head) {
  const AttentionShape& s = op.shape;
  const int64_t d = s.head_dim, width = s.row_width(), queries = task.last - task.first;
  const int64_t kv_head = head / (s.query_heads / s.kv_heads), document = op.starts[task.document];
  const float* qkv = as_float(op.qkv);
  const float* q = qkv + task.first * width + head * d;
  const float* k = qkv + (s.query_heads + kv_head) * d;
  const float* v = k + s.kv_heads * d;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  std::memset(t.out, 0, static_cast<size_t>(queries * d) * sizeof(float));
  std::fill_n(t.maximum, queries, std::numeric_limits<float>::lowest());
  std::fill_n(t.sum, queries, 0.0f);
  for (int64_t first_key = document; first_key < task.last; first_key += kKeys) {
    const int64_t keys = std::min<int64_t>(kKeys, task.last - first_key);
    gemm(CblasNoTrans, CblasTrans, queries, keys, d, scale, q, width, k + first_key * width, width, 0, t.scores, kKeys);
    for (int64_t i = 0; i < queries; ++i) {
      const int64_t visible = std::clamp<int64_t>(task.first + i + 1 - first_key, 0, keys);
      online_softmax_row(visible, keys, d, t.scores + i * kKeys, t.out + i * d, t.maximum + i, t.sum + i);
    }
    gemm(CblasNoTrans, CblasNoTrans, queries, d, keys, 1, t.scores, kKeys, v + first_key * width, width, 1, t.out, d);
  }
  for (int64_t i = 0; i < queries; ++i) {
    const int64_t row = task.first + i - op.first_row;
    divide_row(d, t.sum[i], t.out + i * d, as_float(op.out) + (row * s.query_heads + head) * d);
    op.lse[row * s.query_heads + head] = t.maximum[i] + std::log(t.sum[i]);
  }
}

/** All gradients of one document and one key/value head: its queries' heads, its keys, its values. */
void backward_document(const AttentionBackward& op, const Tiles& t, int64_t begin, int64_t end, int64_t kv_head) {
  const AttentionShape& s = op.shape;
  const int64_t d = s.head_dim, width = s.row_width(), group = s.query_heads / s.kv_heads;
  const int64_t out_width = s.query_heads * d;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  const float* k = as_float(op.qkv) + (s.query_heads + kv_head) * d;
  const float* v = k + s.kv_heads * d;
  float* dk = as_float(op.dqkv) + (s.query_heads + kv_head) * d;
  float* dv = dk + s.kv_heads * d;
  for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    const float* q = as_float(op.qkv) + head * d;
    const float* out = as_float(op.out) + head * d;
    const float* dout = as_float(op.dout) + head * d;
    float* dq = as_float(op.dqkv) + head * d;
    const bool first_head = head == kv_head * group;
    for (int64_t first = begin; first < end; first += kQueries) {
      const int64_t queries = std::min(kQueries, end - first);
      for (int64_t i = 0; i < queries; ++i) {
        t.delta[i] = dot(d, out + (first + i) * out_width, dout + (first + i) * out_width);
      }
      for (int64_t first_key = begin; first_key < first + queries; first_key += kKeys) {
        const int64_t keys = std::min(kKeys, first + queries - first_key);
        gemm(CblasNoTrans, CblasTrans, queries, keys, d, scale, q + first * width, width, k + first_key * width, width,
             0, t.scores, kKeys);
        gemm(CblasNoTrans, CblasTrans, queries, keys, d, 1, dout + first * out_width, out_width, v + first_key * width,
             width, 0, t.gradient, kKeys);
        for (int64_t i = 0; i < queries; ++i) {
          const int64_t visible = std::clamp<int64_t>(first + i + 1 - first_key, 0, keys);
          backward_row(visible, keys, op.lse[(first + i) * s.query_heads + head], t.delta[i], scale,
                       t.scores + i * kKeys, t.gradient + i * kKeys);
        }
        // The first head and the first queries that see a key overwrite its gradient, the others add.
        const int64_t fresh = first_head ? std::clamp<int64_t>(first_key + keys - first, 0, keys) : 0;
        const int64_t known = keys - fresh;
        const float* dout_rows = dout + first * out_width;
        gemm(CblasTrans, CblasNoTrans, known, d, queries, 1, t.scores, kKeys, dout_rows, out_width, 1,
             dv + first_key * width, width);
        gemm(CblasTrans, CblasNoTrans, fresh, d, queries, 1, t.scores + known, kKeys, dout_rows, out_width, 0,
             dv + (first_key + known) * width, width);
        gemm(CblasTrans, CblasNoTrans, known, d, queries, 1, t.gradient, kKeys, q + first * width, width, 1,
             dk + first_key * width, width);
        gemm(CblasTrans, CblasNoTrans, fresh, d, queries, 1, t.gradient + known, kKeys, q + first * width, width, 0,
             dk + (first_key + known) * width, width);
        gemm(CblasNoTrans, CblasNoTrans, queries, d, keys, 1, t.gradient, kKeys, k + first_key * width, width,
             first_key == begin ? 0.0f : 1.0f, dq + first * width, width);
      }
    }
  }
}

}  // namespace

size_t attention_scratch_bytes(int threads, int64_t head_dim) {
  return static_cast<size_t>(threads) * floats_per_thread(head_dim) * sizeof(float);
}

void CpuDevice::attention_forward(const AttentionForward& op) {
  std::vector<ForwardTask> tasks;
  for (int64_t i = 0; i < op.documents; ++i) {
    const int64_t begin = op.starts[i], end = op.starts[i + 1];
    for (int64_t first = std::max(begin, op.first_row); first < end; first += kQueries) {
      tasks.push_back({static_cast<int32_t>(i), static_cast<int32_t>(first),
                       static_cast<int32_t>(std::min(first + kQueries, end))});
    }
  }
  omp_set_num_threads(1);  // OpenBLAS follows it: every call computes on its own thread
  const int64_t heads = op.shape.query_heads, count = static_cast<int64_t>(tasks.size()) * heads;
#pragma omp parallel for num_threads(threads_) schedule(dynamic)
  for (int64_t i = 0; i < count; ++i) {
    const Tiles tiles = tiles_of(scratch_, omp_get_thread_num(), op.shape.head_dim);
    forward_tile(op, tiles, tasks[static_cast<size_t>(i / heads)], i % heads);
  }
}

void CpuDevice::attention_backward(const AttentionBackward& op) {
  omp_set_num_threads(1);
  const int64_t count = op.documents * op.shape.kv_heads;
#pragma omp parallel for num_threads(threads_) schedule(dynamic)
  for (int64_t i = 0; i < count; ++i) {
    const Tiles tiles = tiles_of(scratch_, omp_get_thread_num(), op.shape.head_dim);
    const int64_t document = i / op.shape.kv_heads;
    backward_document(op, tiles, op.starts[document], op.starts[document + 1], i % op.shape.kv_heads);
  }
}

}  // namespace tunesmith
