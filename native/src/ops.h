#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

/**
 * The device boundary. `model/` and `train/` compute through this header alone; `cpu/` implements it, another backend is
 * another folder with another `open_…_device`.
 *
 * Rules every op keeps:
 * - Raw pointers to device memory and sizes; matrices are row-major. Nothing is allocated: an op's scratch lies in what
 *   `reserve_scratch` took before the first op.
 * - No op returns a value to the host; losses and norms stay in device memory until `copy_to_host`.
 * - Ops run in the order of their calls and may still be running when the call returns (`synchronize` waits).
 * - Same inputs, same shapes, same device options: same bits. No atomics in reductions.
 * - Outputs are overwritten, never read, unless the comment says "adds" or "becomes".
 */
namespace tunesmith {

struct TensorView;

/** Elements in the device's own format (CPU: float32; CUDA: bfloat16 or float32). Opaque: only the device reads them. */
struct Activation;
/** A frozen matrix or vector in the device's own format, which may be a compressed one. */
struct Weight;

/** What a weight is for decides its format: `product` matrices may be held in 4 bits, `table`s (embedding, head, norms)
    never are. */
struct WeightShape {
  enum class Use { table, product };
  Use use = Use::table;
  int64_t rows = 0, columns = 0;
};

inline constexpr int kMaxLinearParts = 3;

/** LoRA of a linear op whose output holds up to three adapted matrices side by side (q,k,v or gate,up): their A lie
    stacked so that one product computes X·Aᵀ for all. rank 0 or parts 0: no adapter. Masters and gradients are float32.
    A saved x·aᵀ has rows of Device::adapter_stride(columns()) elements. */
struct LinearLora {
  int64_t rank = 0;
  float scale = 0;
  int parts = 0;
  const float* a = nullptr;  // [parts * rank, in]
  struct Part {
    int64_t first_column = 0, columns = 0;  // of the output
    const float* b = nullptr;               // [columns, rank]
  };
  Part part[kMaxLinearParts];
  /** The device's own rounding of a and b, of adapter_copy_bytes; made by round_adapter, which must follow every change of
      the masters. Null where the device computes with the masters. */
  void* copy = nullptr;
  int64_t columns() const { return parts * rank; }
};

/** Inverted dropout of an adapter's input: the elements that a mask leaves out are 0, the others are divided by 1 − share.
    The mask follows from these numbers and the element's row and column alone (dropout.h), the same on every device, so
    that a recompute, the backward and a resumed run make it again. */
struct Dropout {
  double share = 0;  // of the elements that are left out, in [0, 1); 0: no dropout
  uint64_t seed = 0;
  uint32_t step = 0, stream = 0;
  uint32_t first_row = 0;  // what the mask takes the op's first row for
};

/** y = residual + x·wᵀ + scale·(d(x)·aᵀ)·bᵀ; d: the dropout, if there is one. */
struct LinearForward {
  int64_t rows = 0, in = 0, out = 0;
  const Activation* x = nullptr;         // [rows, in]
  const Weight* w = nullptr;             // [out, in]
  WeightShape::Use use = WeightShape::Use::product;  // of w
  const Activation* residual = nullptr;  // [rows, out] or null
  LinearLora lora;
  Activation* xa = nullptr;  // [rows, adapter_stride]: d(x)·aᵀ, saved for the backward; null without an adapter
  Dropout dropout;
  Activation* dropped = nullptr;  // [rows, in], working space; null without dropout
  Activation* y = nullptr;   // [rows, out]; null: only xa is computed
  /** y is for cross_entropy and read_logits alone: the device may hold it in another format of the activations' size. */
  bool logits = false;
  /** Where given, out is even, y a row of [gate | up], and this becomes silu(gate)·up: [rows, out / 2]. */
  Activation* swiglu = nullptr;
};

/** dx = dy·w + d(g·a) with g = scale·dy·b; adds gᵀ·d(x) to da and scale·dyᵀ·xa to db; d: the forward's dropout. */
struct LinearBackward {
  int64_t rows = 0, in = 0, out = 0;
  const Activation* x = nullptr;   // [rows, in]; null: da is left to linear_backward_a
  const Weight* w = nullptr;       // [out, in]
  WeightShape::Use use = WeightShape::Use::product;  // of w
  const Activation* dy = nullptr;  // [rows, out]
  LinearLora lora;
  const Activation* xa = nullptr;  // as saved by the forward
  Activation* g = nullptr;         // [rows, adapter_stride], working space
  float* da = nullptr;             // adds; [parts * rank, in]
  float* db[kMaxLinearParts] = {};  // adds; [columns, rank]
  Activation* dx = nullptr;        // [rows, in], may be x; null: not needed
  Dropout dropout;
  Activation* dropped = nullptr;   // [rows, in], working space; null without dropout
  /** Where given, x was silu(gate)·up of these rows of [gate | up], [rows, 2·in], and the gradient goes on through it, as by
      swiglu_backward: this becomes its own gradient, and dx becomes x again. */
  Activation* gate_up = nullptr;
};

/** Block-diagonal causal attention with grouped key/value heads over packed documents. A row of `qkv` holds all query
    heads, then all key heads, then all value heads. Rows of document i: [starts[i], starts[i + 1]). */
struct AttentionShape {
  int64_t query_heads = 0, kv_heads = 0, head_dim = 0;
  int64_t row_width() const { return (query_heads + 2 * kv_heads) * head_dim; }
};
struct AttentionForward {
  AttentionShape shape;
  int64_t documents = 0;
  int64_t rows = 0;                  // of qkv
  const int32_t* starts = nullptr;   // [documents + 1], the last is `rows`
  int64_t first_row = 0;             // rows before it are keys and values only (a cache); out and lse begin with it
  const Activation* qkv = nullptr;   // [rows, row_width], q and k already rotated
  Activation* out = nullptr;         // [rows - first_row, query_heads * head_dim]
  float* lse = nullptr;              // [rows - first_row, query_heads]: natural log of the sum of exp of the scores
};
struct AttentionBackward {
  AttentionShape shape;
  int64_t documents = 0;
  const int32_t* starts = nullptr;
  int64_t rows = 0;
  const Activation* qkv = nullptr;
  const Activation* out = nullptr;   // of the forward
  const float* lse = nullptr;        // of the forward
  const Activation* dout = nullptr;  // [rows, query_heads * head_dim]
  Activation* dqkv = nullptr;        // [rows, row_width], with respect to the rotated q and k
};

/** Rotate-half RoPE, in place, on the first `heads` heads of each row. */
struct Rope {
  int64_t rows = 0, heads = 0, head_dim = 0, row_width = 0;
  const int32_t* positions = nullptr;  // [rows]
  const float* cosine = nullptr;       // [table rows, head_dim / 2]
  const float* sine = nullptr;
  bool inverse = false;  // the backward: rotates by the negative angle
  Activation* x = nullptr;
};

/** Per row: nll = logsumexp(logits) - logits[target], in float32. With `backward`, logits, in the format of
    LinearForward::logits, become scale·(softmax - onehot(target)), ordinary activations. */
struct CrossEntropy {
  int64_t rows = 0, vocabulary = 0;
  const int32_t* targets = nullptr;  // [rows]
  Activation* logits = nullptr;      // [rows, vocabulary]
  float* nll = nullptr;              // [rows]
  bool backward = false;
  float scale = 1;
};

/** torch.optim.AdamW's update over one flat buffer, after torch's clip_grad_norm_; clears the gradient. */
struct AdamW {
  int64_t count = 0;
  float *parameters = nullptr, *gradient = nullptr, *m = nullptr, *v = nullptr;
  double learning_rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  int64_t step = 1;              // of this update; 1 is the first
  const double* norm = nullptr;  // the gradient's global norm, device memory
  double clip_norm = 0;          // 0: no clipping
};

/** The largest problem that the ops will see; scratch is sized by it. */
struct ScratchLimits {
  int64_t tokens = 0;
  AttentionShape attention;
  int64_t parameters = 0;       // of adamw and gradient_norm
  int64_t product_weights = 0;  // elements of the largest `product` weight
  int64_t widest = 0;           // in or out of the linear ops that carry an adapter
  int64_t adapter_columns = 0;  // of the widest adapter
};

/** Bytes of the device's memory. */
struct DeviceMemoryInfo {
  int64_t total = 0, available = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  // Formats and memory.
  virtual const char* name() const = 0;
  virtual size_t activation_size() const = 0;
  virtual size_t weight_bytes(const WeightShape&) const = 0;
  /** Row width, in elements, of an adapter's intermediate of `columns` columns; what lies beyond them is zero. */
  virtual int64_t adapter_stride(int64_t columns) const = 0;
  /** Of LinearLora::copy for a linear op of this size; 0 where the device needs none. */
  virtual size_t adapter_copy_bytes(const LinearLora&, int64_t in, int64_t out) const = 0;
  /** Bytes of one chunk of logits that keep the device busy. */
  virtual int64_t logits_chunk_bytes() const = 0;
  virtual DeviceMemoryInfo memory() const = 0;
  /** 256-byte aligned, not cleared. Throws Error "out-of-memory" where the memory cannot be had. */
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void*) = 0;
  /** Takes its place among the ops; `from` may be changed once the call returns. */
  virtual void copy_to_device(void* to, const void* from, size_t bytes) = 0;
  /** Waits for the ops before it. */
  virtual void copy_to_host(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* to, size_t bytes) = 0;
  virtual void synchronize() = 0;
  /** A point in the order of the ops, for measuring; marks are numbered from 0 and stay until the device goes. */
  virtual int mark() = 0;
  /** Waits for both marks. */
  virtual double seconds_between(int mark, int later_mark) = 0;
  /** Converts a tensor of a file, a vector or matrix, to rows `first_row`… of the weight `to` of the given shape. */
  virtual void upload_weight(Weight* to, const WeightShape&, int64_t first_row, const TensorView& from) = 0;
  /** Widens `count` activations to float32 on the host. Waits for the ops before it. */
  virtual void read_activations(float* to, const Activation* from, int64_t count) = 0;
  /** The same of what a linear op with `logits` wrote. */
  virtual void read_logits(float* to, const Activation* from, int64_t count) = 0;
  virtual size_t scratch_bytes(const ScratchLimits&) const = 0;
  virtual void reserve_scratch(const ScratchLimits&) = 0;

  // Ops. See each op's file for bytes moved and limits.
  virtual void embedding(int64_t rows, int64_t width, const int32_t* ids, const Weight* table, Activation* y) = 0;
  /** y = x·rstd·w with rstd = 1 / sqrt(mean(x²) + epsilon), saved per row. */
  virtual void rms_norm_forward(int64_t rows, int64_t width, double epsilon, const Activation* x, const Weight* w,
                                float* rstd, Activation* y) = 0;
  /** Adds to dx. */
  virtual void rms_norm_backward(int64_t rows, int64_t width, const Activation* x, const Weight* w, const float* rstd,
                                 const Activation* dy, Activation* dx) = 0;
  virtual void rope(const Rope&) = 0;
  virtual void attention_forward(const AttentionForward&) = 0;
  virtual void attention_backward(const AttentionBackward&) = 0;
  /** A row of gate_up: [gate | up], each `width` wide. y = silu(gate)·up. */
  virtual void swiglu_forward(int64_t rows, int64_t width, const Activation* gate_up, Activation* y) = 0;
  /** gate_up becomes its own gradient, dy becomes silu(gate)·up. */
  virtual void swiglu_backward(int64_t rows, int64_t width, Activation* dy, Activation* gate_up) = 0;
  /** Sets lora.copy from the masters. */
  virtual void round_adapter(const LinearLora&, int64_t in, int64_t out) = 0;
  virtual void linear_forward(const LinearForward&) = 0;
  virtual void linear_backward(const LinearBackward&) = 0;
  /** Only da: adds gᵀ·d(x), for the g that linear_backward left. */
  virtual void linear_backward_a(const LinearBackward&) = 0;
  /** y[i] = x[index[i]]. */
  virtual void gather_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) = 0;
  /** y[index[i]] = x[i]; the indices differ; other rows of y stay. */
  virtual void scatter_rows(int64_t rows, int64_t width, const int32_t* index, const Activation* x, Activation* y) = 0;
  virtual void cross_entropy(const CrossEntropy&) = 0;
  /** Adds the sum to *total. */
  virtual void add_sum(int64_t count, const float* values, double* total) = 0;
  virtual void gradient_norm(int64_t count, const float* gradient, double* norm) = 0;
  virtual void adamw(const AdamW&) = 0;
};

/** Computes with OpenMP and OpenBLAS on `threads` threads (at least 1). */
std::unique_ptr<Device> open_cpu_device(int threads);

struct CudaOptions {
  int index = 0;            // as the driver numbers them
  bool float32 = false;     // activations, weights and products in float32: to be held to the CPU's tolerances
  bool nf4 = false;         // `product` weights as NF4 with double-quantised scales
  bool cublas = true;       // may use cuBLASLt where it is installed, but on Hopper
};
/** Throws Error "device-unavailable" with a sentence that says what is missing: no GPU, its driver or generation too old,
    or an engine built without CUDA. */
std::unique_ptr<Device> open_cuda_device(const CudaOptions&);

}  // namespace tunesmith
