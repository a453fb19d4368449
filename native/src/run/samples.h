#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/prompts.h"
#include "run/events.h"
#include "train/trainer.h"

namespace tunesmith {

/** A prompt of samples.json. */
struct SamplePrompt {
  std::string id;
  Prompt prompt;
};

/** What samples.json asks for, and one sentence for what of it cannot be used (empty: all can). */
struct SampleFile {
  std::vector<SamplePrompt> prompts;
  std::string problem;
};

/** RUN/samples.json; absent: no prompts. Never throws for what the file holds. */
SampleFile read_sample_file(const std::string& run_folder, const LlamaConfig&);

/** Prompts whose base answer has been told → SHA-256 of their tokens, so that a prompt that has changed is answered anew. */
using SampledBases = std::map<std::string, std::string>;

/** Answers a run's pinned prompts. What fails there is told and ends nothing. */
class Sampler {
 public:
  struct Listener {
    std::function<void(const SampleEvent&)> tell;
    std::function<void(const std::string& code, const std::string& message)> warn;
    /** Asked with each token; true: no more answers. */
    std::function<bool()> stopped;
  };
  Sampler(std::string run_folder, const LlamaConfig& config, Listener listener);

  /** Each prompt that has no base answer in `bases` gets one first. `fresh`: the adapter still leaves the base unchanged. */
  void answer(Trainer&, int64_t step, bool fresh, SampledBases& bases);

 private:
  void warn_once(const std::string& code, const std::string& message);
  std::string folder_;
  const LlamaConfig& config_;
  Listener listener_;
  std::string last_warning_;
};

}  // namespace tunesmith
