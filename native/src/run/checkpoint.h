#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "io/peft.h"
#include "train/trainer.h"

namespace tunesmith {

/** What a run goes on from besides adapter and optimizer; state.json. */
struct RunState {
  int64_t step = 0;
  /** Position in the stream of SequenceOrder, and for readers the epoch and seed it means. */
  int64_t position = 0, epoch = 0;
  uint64_t order_seed = 0;
  int64_t tokens = 0;
  double seconds = 0;
  std::optional<double> eval_loss_before;
  /** The last evaluation. */
  std::optional<double> eval_loss;
  int64_t eval_step = -1;
  int threads = 1;
  int64_t micro_batch = 1;
  Recompute recompute = Recompute::none;
  /** "cpu" or "cuda": the result is close to the other's, not the same to the bit. */
  std::string device = "cpu";
  /** Fingerprint: RunSpec::settings and the digests of model and data. */
  Json settings, data;
  std::string model;
};

struct Checkpoint {
  std::string path;
  RunState state;
};

/** checkpoints/ of a run directory. */
class CheckpointStore {
 public:
  /** Removes what killed attempts left half-written. */
  explicit CheckpointStore(const std::string& run_folder);

  /** The newest complete checkpoint. Broken ones are skipped, a sentence for each goes to `warnings`. */
  std::optional<Checkpoint> newest(std::vector<std::string>& warnings) const;

  /** Writes checkpoints/step-N whole or not at all, then removes all but the newest `keep` up to it. Gives its path relative
      to the run directory. */
  std::string write(Trainer& trainer, const RunState& state, const AdapterConfig& adapter, int64_t keep);

 private:
  std::vector<int64_t> steps() const;
  std::string folder_;
};

/** Puts adapter and optimizer of a checkpoint into the trainer. */
void restore(Trainer& trainer, const Checkpoint& checkpoint);

/** Throws Error that names what differs between the checkpoint's fingerprint and the run's. */
void refuse_changed(const Checkpoint& checkpoint, const RunState& now);

/** Writes the adapter as RUN/adapter, replacing an older one in one step. */
void write_final_adapter(const std::string& run_folder, Trainer& trainer, const AdapterConfig& adapter);

/** Notices another model without reading gigabytes: config.json whole, and of each weight file its name, size and
    64 pieces of 16 KiB spread over it, the first of them its start. */
std::string model_digest(const std::string& folder);

}  // namespace tunesmith
