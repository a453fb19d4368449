#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/mapped_file.h"
#include "train/trainer.h"

namespace tunesmith {

/** The memory behind a Batch. */
struct BatchBuffer {
  std::vector<int32_t> ids, document_starts, target_rows;
  void clear();
  Batch batch() const { return {ids, document_starts, target_rows}; }
};

/** A row of a data set, or a part of one, as tokens. */
struct PackedDocument {
  uint64_t start;  // its first token in the split
  uint32_t length, targets;
  uint32_t row;    // 1-based line of its source
  uint16_t source; // index into the manifest's sources
};

/** One split of a run's data folder: packed sequences of documents (layout: src/protocol/run.ts). */
class PackedSplit {
 public:
  /** Maps FOLDER/SPLIT.tokens and .documents and checks them whole: ids inside the vocabulary, documents back to back and at
      most `max_document` tokens long, target counts, ascending sequences. Both files absent: an empty split. Throws Error. */
  static PackedSplit open(const std::string& folder, const std::string& split, int64_t vocabulary, int64_t max_document);

  int64_t sequences() const { return static_cast<int64_t>(sequences_.size()); }
  int64_t documents() const { return static_cast<int64_t>(documents_.size()); }
  int64_t tokens() const { return tokens_; }
  int64_t targets() const { return targets_; }
  int64_t sequence_tokens(int64_t sequence) const { return sequences_[static_cast<size_t>(sequence)].tokens; }
  int64_t sequence_targets(int64_t sequence) const { return sequences_[static_cast<size_t>(sequence)].targets; }
  int64_t longest_sequence() const { return longest_; }
  int64_t most_targets() const { return most_targets_; }
  /** The documents of a packed sequence, in its order; `first_document` is the index of the first. */
  std::span<const PackedDocument> documents_of(int64_t sequence) const;
  int64_t first_document(int64_t sequence) const {
    return static_cast<int64_t>(sequences_[static_cast<size_t>(sequence)].first_document);
  }
  /** The files' names and SHA-256, to notice at resume that they changed. Reads both whole. Throws Error. */
  std::vector<std::pair<std::string, std::string>> digests() const;

  /** Appends a packed sequence to a batch. */
  void append(int64_t sequence, BatchBuffer& out) const;

 private:
  struct Sequence {
    size_t first_document, documents;
    int64_t tokens, targets;
  };
  void read_documents(const std::string& path, std::span<const std::byte> records, int64_t max_document);
  void check_tokens(const std::string& path, int64_t vocabulary) const;
  uint32_t word(uint64_t index) const;

  MappedFile file_;
  std::vector<PackedDocument> documents_;
  std::vector<Sequence> sequences_;
  std::vector<std::string> paths_;  // none where the split is empty
  int64_t tokens_ = 0, targets_ = 0, longest_ = 0, most_targets_ = 0;
};

}  // namespace tunesmith
