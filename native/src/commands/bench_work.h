#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/config.h"
#include "train/trainer.h"

namespace tunesmith {

/** The sizes of a published model, by name ("llama-3.2-1b"). Throws UsageError listing the names. */
LlamaConfig bench_config(const std::string& shape);

/** Tensors of a model of that shape, bfloat16, pseudo-random with the spread of freshly initialised weights. They share one
    stretch of memory: values repeat from tensor to tensor, which no product notices. */
class RandomWeights {
 public:
  explicit RandomWeights(const LlamaConfig&);
  const TensorSource& source() const { return source_; }

 private:
  std::vector<uint16_t> ones_, values_;
  TensorSource source_;
};

/** One step's data: documents back to back. */
struct BenchStep {
  std::vector<int32_t> ids, starts{0}, target_rows;
  Batch batch() const { return {ids, starts, target_rows}; }
};

enum class BenchLoss { all, response };

/** Documents of `sequence` tokens, `batch` a step, or those of `lengths` packed whole into sequences of that length (one
    longer than it is cut). response: the later half of each document is in the loss. */
std::vector<BenchStep> bench_steps(const LlamaConfig&, int64_t batch, int64_t sequence, BenchLoss loss,
                                   const std::vector<int64_t>& lengths);

/** The same documents in steps of at most `tokens` tokens (one document at least). */
std::vector<BenchStep> split_step(const BenchStep&, int64_t tokens);

/** Reads a JSON list of document lengths. Throws Error. */
std::vector<int64_t> read_lengths(const std::string& path);

/** Arithmetic that a LoRA step cannot do without: every frozen product forward and for its input's gradient, the adapter's,
    attention's pairs forward and backward (2 and 5 products), the head on the rows of the loss. */
double bench_flop(const LlamaConfig&, const LoraConfig&, const BenchStep&);

}  // namespace tunesmith
