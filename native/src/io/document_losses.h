#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace tunesmith {

/** What one document of a split has cost. */
struct DocumentLoss {
  /** Mean NLL over its targets, nats; NaN: not met. */
  float mean = std::numeric_limits<float>::quiet_NaN();
  /** The optimizer step that met it, 1-based; 0 outside of training. */
  uint32_t step = 0;
  uint32_t targets = 0;
};

/** A .losses file (layout: src/protocol/run.ts), whole or not at all. Throws Error. */
void write_document_losses(const std::string& path, std::span<const DocumentLoss> losses);

/** Of a split of `documents` documents. Throws Error where the file is damaged or of another split. */
std::vector<DocumentLoss> read_document_losses(const std::string& path, int64_t documents);

/** Each document's mean from the NLL of its targets, which follow each other; `targets` is their number a document. */
class TargetMeans {
 public:
  explicit TargetMeans(std::span<const float> nll) : nll_(nll) {}
  /** Of the next `targets` targets; NaN where there is none. */
  float next(uint32_t targets);
  double sum() const { return sum_; }

 private:
  std::span<const float> nll_;
  double sum_ = 0;
};

}  // namespace tunesmith
