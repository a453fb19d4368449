#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/document_losses.h"
#include "io/json.h"
#include "io/peft.h"
#include "run/early_stopping.h"
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
  HeldOutProgress held_out;
  /** What a person has asked for while the run went on, in place of run.json's. */
  std::optional<double> learning_rate;
  /** Pinned prompts whose base answer has been told → a digest of their tokens. */
  std::map<std::string, std::string> sampled_bases;
  int threads = 1;
  int64_t micro_batch = 1;
  Recompute recompute = Recompute::none;
  /** "cpu" or "cuda": the result is close to the other's, not the same to the bit. */
  std::string device = "cpu";
  /** Fingerprint: RunSpec::settings and the digests of model and data. */
  Json settings, data;
  std::string model;
  /** Of the adapter that training started from; empty: a fresh one, or it cannot be read any more. */
  std::string adapter;
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

  /** Writes checkpoints/step-N whole or not at all, then removes all but the newest `keep` up to it and that of the lowest
      held-out loss. `losses`: of the rows that the current pass has met; may be empty. Gives its path relative to the run
      directory. */
  std::string write(Trainer& trainer, const RunState& state, const AdapterConfig& adapter,
                    int64_t keep, std::span<const DocumentLoss> losses = {});

  /** Puts the adapter of that step's checkpoint into the trainer. Throws Error where it is missing or damaged. */
  void load_adapter(Trainer& trainer, int64_t step) const;

 private:
  std::vector<int64_t> steps() const;
  std::string folder_;
};

/** Puts adapter and optimizer of a checkpoint into the trainer. */
void restore(Trainer& trainer, const Checkpoint& checkpoint);

/** What the checkpoint has kept of the current pass's row losses; empty where it has nothing. */
std::vector<DocumentLoss> kept_losses(const Checkpoint& checkpoint, int64_t documents);

/** Throws Error that names everything that differs between the checkpoint's fingerprint and the run's; its code is that of the
    first: "resume-settings-changed", "resume-model-changed" or "resume-data-changed". */
void refuse_changed(const Checkpoint& checkpoint, const RunState& now);

/** Writes the adapter as RUN/adapter, replacing an older one in one step. */
void write_final_adapter(const std::string& run_folder, Trainer& trainer, const AdapterConfig& adapter);

/** Notices another model without reading gigabytes: config.json whole, and of each weight file its name, size and
    64 pieces of 16 KiB spread over it, the first of them its start. */
std::string model_digest(const std::string& folder);

}  // namespace tunesmith
