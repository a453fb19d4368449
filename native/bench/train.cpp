/**
 * tunesmith-bench MODEL_DIR [THREADS [TOKENS [STEPS]]]: training speed on the CPU, beside the floor that its products set.
 *
 * One JSON line per op at the model's own shapes, one for the sgemm ceiling measured in the same run, one for whole
 * training steps (packed documents of 256 tokens, half of them targets, LoRA rank 16 on all projections). Each is the best
 * of its repetitions: on a busy machine the others are slowed by what runs beside them.
 */
#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "error.h"
#include "model/weights.h"
#include "ops.h"
#include "train/trainer.h"

using namespace tunesmith;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double best_of(int repetitions, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < repetitions; ++i) {
    const double start = now();
    work();
    best = std::min(best, now() - start);
  }
  return best;
}

std::vector<float> random_floats(int64_t count) {
  static std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<float> out(static_cast<size_t>(count));
  for (float& x : out) x = uniform(engine);
  return out;
}

Activation* act(std::vector<float>& x) { return reinterpret_cast<Activation*>(x.data()); }
const Weight* weight(const std::vector<float>& x) { return reinterpret_cast<const Weight*>(x.data()); }

void print_op(const char* name, double seconds, double flop, double bytes) {
  std::printf("{\"op\":\"%s\",\"milliseconds\":%.3f,\"gflops\":%.1f,\"gigabytes_per_second\":%.1f}\n", name, seconds * 1e3,
              flop / seconds * 1e-9, bytes / seconds * 1e-9);
}

constexpr int64_t kDocument = 256, kRank = 16;
constexpr int kRepetitions = 7;

std::vector<int32_t> document_starts(int64_t tokens) {
  std::vector<int32_t> starts{0};
  while (starts.back() < tokens) starts.push_back(static_cast<int32_t>(std::min<int64_t>(starts.back() + kDocument, tokens)));
  return starts;
}

/** FLOP/s of OpenBLAS with threads of its own. */
double ceiling(int64_t rows, const LlamaConfig& c, int threads) {
  omp_set_num_threads(threads);  // the ops before left it at one
  const int64_t in = c.hidden_size, out = 2 * c.intermediate_size;
  const std::vector<float> x = random_floats(rows * in), w = random_floats(out * in);
  std::vector<float> y(static_cast<size_t>(rows * out));
  const double seconds = best_of(3 * kRepetitions, [&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(rows), static_cast<blasint>(out),
                static_cast<blasint>(in), 1, x.data(), static_cast<blasint>(in), w.data(), static_cast<blasint>(in), 0,
                y.data(), static_cast<blasint>(out));
  });
  return 2.0 * static_cast<double>(rows * in * out) / seconds;
}

void bench_linear(Device& device, int64_t rows, int64_t in, int64_t out, int parts, const char* name) {
  const int64_t columns = parts * kRank;
  std::vector<float> x = random_floats(rows * in), w = random_floats(in * out), a = random_floats(columns * in);
  std::vector<float> b = random_floats(out * kRank), xa(static_cast<size_t>(rows * columns)), g = xa;
  std::vector<float> y(static_cast<size_t>(rows * out)), dx(static_cast<size_t>(rows * in)), da(a.size()), db(b.size());
  LinearForward f;
  f.rows = rows, f.in = in, f.out = out, f.x = act(x), f.w = weight(w), f.xa = act(xa), f.y = act(y);
  f.lora.rank = kRank, f.lora.scale = 2, f.lora.parts = parts, f.lora.a = a.data();
  for (int p = 0; p < parts; ++p) {
    f.lora.part[p] = {p * (out / parts), out / parts, b.data() + p * (out / parts) * kRank};
  }
  LinearBackward d;
  d.rows = rows, d.in = in, d.out = out, d.x = act(x), d.w = weight(w), d.dy = act(y), d.lora = f.lora;
  d.xa = act(xa), d.g = act(g), d.dx = act(dx), d.da = da.data();
  for (int p = 0; p < parts; ++p) d.db[p] = db.data() + p * (out / parts) * kRank;
  const double product = 2.0 * static_cast<double>(rows * in * out);
  const double bytes = 4.0 * static_cast<double>(rows * (in + out));
  print_op((std::string(name) + " forward").c_str(), best_of(kRepetitions, [&] { device.linear_forward(f); }), product, bytes);
  print_op((std::string(name) + " backward").c_str(), best_of(kRepetitions, [&] { device.linear_backward(d); }), product, bytes);
}

void bench_ops(const LlamaConfig& c, int64_t rows, int threads) {
  const auto device = open_cpu_device(threads);
  const AttentionShape shape{c.query_heads, c.kv_heads, c.head_dim};
  ScratchLimits limits;
  limits.tokens = rows, limits.attention = shape, limits.parameters = 1 << 20;
  device->reserve_scratch(limits);
  const int64_t hidden = c.hidden_size, heads = c.query_heads * c.head_dim, wide = c.intermediate_size;
  const double elements = static_cast<double>(rows * hidden);

  bench_linear(*device, rows, hidden, shape.row_width(), 1, "qkv");
  bench_linear(*device, rows, heads, hidden, 1, "o");
  bench_linear(*device, rows, hidden, 2 * wide, 2, "gate_up");
  bench_linear(*device, rows, wide, hidden, 1, "down");

  std::vector<float> x = random_floats(rows * hidden), y = x, dx = x, w = random_floats(hidden);
  std::vector<float> rstd(static_cast<size_t>(rows));
  print_op("rms_norm forward", best_of(kRepetitions, [&] {
             device->rms_norm_forward(rows, hidden, 1e-5, act(x), weight(w), rstd.data(), act(y));
           }), 4 * elements, 8 * elements);
  print_op("rms_norm backward", best_of(kRepetitions, [&] {
             device->rms_norm_backward(rows, hidden, act(x), weight(w), rstd.data(), act(y), act(dx));
           }), 8 * elements, 16 * elements);

  std::vector<float> gate_up = random_floats(rows * 2 * wide), mlp = random_floats(rows * wide);
  const double mlp_elements = static_cast<double>(rows * wide);
  print_op("swiglu forward", best_of(kRepetitions, [&] { device->swiglu_forward(rows, wide, act(gate_up), act(mlp)); }),
           20 * mlp_elements, 12 * mlp_elements);
  print_op("swiglu backward", best_of(kRepetitions, [&] { device->swiglu_backward(rows, wide, act(mlp), act(gate_up)); }),
           25 * mlp_elements, 20 * mlp_elements);

  const std::vector<int32_t> starts = document_starts(rows);
  std::vector<float> qkv = random_floats(rows * shape.row_width()), dqkv = qkv, out = random_floats(rows * heads), dout = out;
  std::vector<float> lse(static_cast<size_t>(rows * c.query_heads));
  AttentionForward f;
  f.shape = shape, f.documents = static_cast<int64_t>(starts.size()) - 1, f.starts = starts.data();
  f.qkv = act(qkv), f.out = act(out), f.lse = lse.data();
  AttentionBackward d;
  d.shape = shape, d.documents = f.documents, d.starts = f.starts, d.rows = rows, d.qkv = act(qkv), d.out = act(out);
  d.lse = lse.data(), d.dout = act(dout), d.dqkv = act(dqkv);
  double pairs = 0;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const double length = starts[i + 1] - starts[i];
    pairs += length * (length + 1) / 2;
  }
  const double product = 2.0 * pairs * static_cast<double>(heads);
  const double bytes = 4.0 * static_cast<double>(rows * (shape.row_width() + heads));
  print_op("attention forward", best_of(kRepetitions, [&] { device->attention_forward(f); }), 2 * product, bytes);
  print_op("attention backward", best_of(kRepetitions, [&] { device->attention_backward(d); }), 5 * product, 2 * bytes);

  constexpr int64_t kChunk = 512;
  std::vector<float> logits = random_floats(kChunk * c.vocabulary_size), nll(kChunk);
  const std::vector<int32_t> targets(kChunk, 1);
  CrossEntropy loss;
  loss.rows = kChunk, loss.vocabulary = c.vocabulary_size, loss.targets = targets.data(), loss.logits = act(logits);
  loss.nll = nll.data(), loss.backward = true, loss.scale = 1e-3f;
  const double logit_count = static_cast<double>(kChunk * c.vocabulary_size);
  print_op("cross_entropy, 512 rows", best_of(kRepetitions, [&] { device->cross_entropy(loss); }), 40 * logit_count, 8 * logit_count);
}

void bench_training(const LlamaConfig& c, const TensorSource& base, int64_t tokens, int steps, int threads, Recompute recompute,
                    double ceiling_flops) {
  TrainerOptions options;
  options.lora.rank = kRank;
  options.max_tokens = tokens, options.max_targets = tokens, options.threads = threads, options.recompute = recompute;
  Trainer trainer(open_device(options), c, base, options);
  std::mt19937 engine(2);
  std::vector<int32_t> ids(static_cast<size_t>(tokens)), rows;
  for (int32_t& id : ids) id = static_cast<int32_t>(engine() % static_cast<uint32_t>(c.vocabulary_size));
  const std::vector<int32_t> starts = document_starts(tokens);
  for (int64_t t = 0; t + 1 < tokens; ++t) {
    if (t % kDocument >= kDocument / 2 && t % kDocument != kDocument - 1) rows.push_back(static_cast<int32_t>(t));
  }
  const double seconds = best_of(steps, [&] {
    trainer.accumulate({ids, starts, rows}, 1.0 / static_cast<double>(rows.size()));
    trainer.apply(1e-4);
  });
  const double embedding = static_cast<double>(c.vocabulary_size * c.hidden_size);
  const double body = static_cast<double>(LlamaWeights::parameters(c)) - embedding * (c.tied_embedding ? 1 : 2);
  const double share = static_cast<double>(rows.size()) / static_cast<double>(tokens);
  const double floor_flop = 4 * body + 4 * embedding * share;  // a token: forward and dx of every frozen product
  const char* policy = recompute == Recompute::none ? "none" : recompute == Recompute::gate_up ? "gate-up" : "block";
  std::printf("{\"train\":\"recompute %s\",\"threads\":%d,\"tokens\":%lld,\"targets\":%zu,\"tokens_per_second\":%.0f,"
              "\"megaflop_per_token\":%.1f,\"floor_tokens_per_second\":%.0f,\"share_of_floor\":%.2f}\n",
              policy, threads, static_cast<long long>(tokens), rows.size(), static_cast<double>(tokens) / seconds,
              floor_flop * 1e-6, ceiling_flops / floor_flop,
              static_cast<double>(tokens) / seconds / (ceiling_flops / floor_flop));
}

int64_t argument(int argc, char** argv, int index, int64_t otherwise) {
  return argc > index ? std::max(1L, std::strtol(argv[index], nullptr, 10)) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "Usage: tunesmith-bench MODEL_DIR [THREADS [TOKENS [STEPS]]]\n");
    return 2;
  }
  try {
    const LlamaConfig config = read_llama_config(argv[1]);
    const TensorSource base = TensorSource::open_model(argv[1]);
    const int threads = static_cast<int>(argument(argc, argv, 2, omp_get_num_procs()));
    const int64_t tokens = argument(argc, argv, 3, 2048);
    const int steps = static_cast<int>(argument(argc, argv, 4, 5));
    bench_ops(config, tokens, threads);
    const double flops = ceiling(tokens, config, threads);
    std::printf("{\"sgemm_ceiling_gflops\":%.1f,\"threads\":%d,\"core\":\"%s\"}\n", flops * 1e-9, threads, openblas_get_corename());
    for (const Recompute recompute : {Recompute::none, Recompute::gate_up, Recompute::block}) {
      bench_training(config, base, tokens, steps, threads, recompute, flops);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "tunesmith-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
