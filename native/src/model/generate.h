#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tunesmith {

class Trainer;

struct GenerateOptions {
  bool base = false;  // the base model alone: the answer that a fresh adapter gives, bit for bit
  /** Called with each token as it comes, the end token too; false ends the answer with it. */
  std::function<bool(int32_t)> on_token;
};

/** Greedy decoding with the trainer's base and its adapter as it stands (a fresh adapter leaves the base unchanged).
    Holds a key/value cache of its own, sized by the longest request so far. */
class Generator {
 public:
  explicit Generator(Trainer&);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /** At most `count` tokens after `prompt` (at least one token, ids inside the vocabulary), each the one with the largest
      logit (the lowest id where two are equal). Ends early after one of the configuration's end tokens, which is then the
      last of the answer. Prompt and answer together at most max_position_embeddings. Throws Error. */
  std::vector<int32_t> greedy(std::span<const int32_t> prompt, int count, const GenerateOptions& = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunesmith
