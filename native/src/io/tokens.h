#pragma once
#include <cstdint>
#include <string>
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
  /** The files' names and SHA-256, to notice at resume that they changed. */
  const std::vector<std::pair<std::string, std::string>>& digests() const { return digests_; }

  /** Appends a packed sequence to a batch. */
  void append(int64_t sequence, BatchBuffer& out) const;

 private:
  struct Document {
    uint64_t start;
    uint32_t length;
  };
  struct Sequence {
    size_t first_document, documents;
    int64_t tokens, targets;
  };
  void read_documents(const std::string& path, std::span<const std::byte> records, int64_t max_document);
  void check_tokens(const std::string& path, int64_t vocabulary) const;
  uint32_t word(uint64_t index) const;

  MappedFile file_;
  std::vector<Document> documents_;
  std::vector<uint32_t> document_targets_;
  std::vector<Sequence> sequences_;
  std::vector<std::pair<std::string, std::string>> digests_;
  int64_t tokens_ = 0, targets_ = 0, longest_ = 0, most_targets_ = 0;
};

}  // namespace tunesmith
