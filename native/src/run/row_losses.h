#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/document_losses.h"
#include "io/tokens.h"

namespace tunesmith {

/** What each training document cost when the current pass over the data met it, and row-losses/ of the run directory, where
    it ends up. Passes are counted from 1, as in the files' names. */
class RowLosses {
 public:
  RowLosses(std::string run_folder, const PackedSplit& split);

  /** Goes on in `pass` with what a checkpoint has kept of it (nothing: as from its beginning). Files of later passes are of
      an attempt that has become void, and go. Throws Error. */
  void begin(int64_t pass, std::vector<DocumentLoss> kept);

  /** Takes the documents of a sequence that optimizer step `step` meets in `pass`, whose targets come next in `means`. */
  void add(int64_t pass, int64_t sequence, int64_t step, TargetMeans& means);

  struct Written {
    int64_t pass;
    std::string path;  // relative to the run directory
  };
  /** After a step, the next of which lies in `next_pass`: writes the pass that has come to its end. Where a step takes several,
      the last of them. Throws Error. */
  std::optional<Written> write_complete(int64_t next_pass);
  /** Writes the current pass as far as it has come; nothing where no document was met. Throws Error. */
  std::optional<Written> write_current();

  /** Of the current pass, in the documents' order. */
  const std::vector<DocumentLoss>& current() const { return losses_; }
  /** Whether the current pass has met a document. */
  bool met() const { return met_; }

 private:
  struct Pass {
    int64_t number;
    std::vector<DocumentLoss> losses;
  };
  Written write(int64_t pass, const std::vector<DocumentLoss>& losses) const;
  void start(int64_t pass);

  std::string folder_;
  const PackedSplit& split_;
  int64_t pass_ = 1;
  std::vector<DocumentLoss> losses_;
  bool met_ = false;
  std::optional<Pass> complete_;
};

/** What the latest pass that has been written knows of each of `documents` (indices into the split). Damaged files are passed
    over. */
std::vector<std::optional<DocumentLoss>> latest_row_losses(const std::string& run_folder, int64_t split_documents,
                                                           const std::vector<int64_t>& documents);

}  // namespace tunesmith
