#include "io/tokens.h"

#include <cstring>
#include <filesystem>

#include "error.h"
#include "io/sha256.h"

namespace tunesmith {

namespace {

constexpr size_t kHeader = 16;
constexpr size_t kRecord = 32;
constexpr uint32_t kTarget = 0x80000000u;

template <class T>
T read(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

[[noreturn]] void broken(const std::string& path, const std::string& cause) {
  throw Error("data-invalid", path + " is damaged: " + cause + "; prepare the run's data again.");
}

/** The bytes behind a checked header. */
std::span<const std::byte> body(const std::string& path, const MappedFile& file, const char* magic, uint32_t second,
                                size_t unit) {
  const auto bytes = file.bytes();
  if (bytes.size() < kHeader) broken(path, "it has " + std::to_string(bytes.size()) + " bytes, fewer than its header");
  if (std::memcmp(bytes.data(), magic, 8) != 0) broken(path, "it does not start with " + std::string(magic));
  if (read<uint32_t>(bytes.data() + 8) != 1) {
    broken(path, "its version is " + std::to_string(read<uint32_t>(bytes.data() + 8)) + ", not 1");
  }
  if (read<uint32_t>(bytes.data() + 12) != second) broken(path, "its header is not that of version 1");
  if ((bytes.size() - kHeader) % unit != 0) broken(path, "it ends in the middle of a record");
  return bytes.subspan(kHeader);
}

std::string document_of(size_t index) { return "document " + std::to_string(index); }

}  // namespace

void BatchBuffer::clear() {
  ids.clear();
  document_starts.assign(1, 0);
  target_rows.clear();
}

uint32_t PackedSplit::word(uint64_t index) const {
  return read<uint32_t>(file_.bytes().data() + kHeader + 4 * index);
}

PackedSplit PackedSplit::open(const std::string& folder, const std::string& split, int64_t vocabulary,
                              int64_t max_document) {
  const std::string tokens_path = folder + "/" + split + ".tokens", documents_path = folder + "/" + split + ".documents";
  PackedSplit out;
  std::error_code error;
  if (!std::filesystem::exists(tokens_path, error) && !std::filesystem::exists(documents_path, error)) return out;

  out.file_ = MappedFile::open(tokens_path);
  const auto tokens = body(tokens_path, out.file_, "TSTOKENS", 0, 4);
  out.tokens_ = static_cast<int64_t>(tokens.size() / 4);
  const MappedFile documents = MappedFile::open(documents_path);
  out.read_documents(documents_path, body(documents_path, documents, "TSDOCUMT", kRecord, kRecord), max_document);
  out.check_tokens(tokens_path, vocabulary);
  out.paths_ = {tokens_path, documents_path};
  return out;
}

void PackedSplit::read_documents(const std::string& path, std::span<const std::byte> records, int64_t max_document) {
  uint64_t next = 0;
  for (size_t i = 0; i * kRecord < records.size(); ++i) {
    const std::byte* record = records.data() + i * kRecord;
    const auto start = read<uint64_t>(record);
    const auto length = read<uint32_t>(record + 8), targets = read<uint32_t>(record + 12);
    const auto sequence = read<uint32_t>(record + 24);
    if (start != next) broken(path, document_of(i) + " does not start where the one before ends");
    if (length == 0 || length > static_cast<uint64_t>(tokens_) - start) {
      broken(path, document_of(i) + " lies outside the tokens");
    }
    if (length > max_document) {
      throw Error("data-too-long", path + ": " + document_of(i) + " has " + std::to_string(length) +
                                       " tokens where the model takes at most " + std::to_string(max_document) +
                                       "; prepare the data with a smaller sequence length.");
    }
    if (targets >= length) broken(path, document_of(i) + " has more targets than its tokens allow");
    if (read<uint16_t>(record + 22) > 2) broken(path, document_of(i) + " has an unknown kind");
    if (read<uint32_t>(record + 28) != 0) broken(path, document_of(i) + " does not end in 0");
    if (sequence == sequences_.size()) {
      sequences_.push_back({i, 0, 0, 0});
    } else if (sequences_.empty() || sequence != sequences_.size() - 1) {
      broken(path, document_of(i) + " lies in sequence " + std::to_string(sequence) + ", out of order");
    }
    Sequence& current = sequences_.back();
    current.documents += 1;
    current.tokens += length;
    current.targets += targets;
    documents_.push_back({start, length, targets, read<uint32_t>(record + 16), read<uint16_t>(record + 20)});
    next = start + length;
  }
  if (next != static_cast<uint64_t>(tokens_)) broken(path, "the last tokens belong to no document");
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const Sequence& sequence = sequences_[i];
    if (sequence.targets == 0) broken(path, "sequence " + std::to_string(i) + " has nothing to learn");
    // Batches count in int32.
    if (sequence.tokens > INT32_MAX / 2) broken(path, "sequence " + std::to_string(i) + " is too long");
    targets_ += sequence.targets;
    longest_ = std::max(longest_, sequence.tokens);
    most_targets_ = std::max(most_targets_, sequence.targets);
  }
}

void PackedSplit::check_tokens(const std::string& path, int64_t vocabulary) const {
  for (size_t i = 0; i < documents_.size(); ++i) {
    uint32_t targets = 0;
    for (uint32_t t = 0; t < documents_[i].length; ++t) {
      const uint32_t token = word(documents_[i].start + t);
      if (static_cast<int64_t>(token & ~kTarget) >= vocabulary) {
        throw Error("data-vocabulary", path + " holds the token id " + std::to_string(token & ~kTarget) +
                                           " where the model's vocabulary has " + std::to_string(vocabulary) +
                                           "; prepare the data with this model's tokenizer.");
      }
      targets += token >> 31;
    }
    if ((word(documents_[i].start) & kTarget) != 0) broken(path, document_of(i) + " has its first token as a target");
    if (targets != documents_[i].targets) {
      broken(path, document_of(i) + " has " + std::to_string(targets) + " targets where its record says " +
                       std::to_string(documents_[i].targets));
    }
  }
}

std::span<const PackedDocument> PackedSplit::documents_of(int64_t sequence) const {
  const Sequence& packed = sequences_[static_cast<size_t>(sequence)];
  return std::span(documents_).subspan(packed.first_document, packed.documents);
}

std::vector<std::pair<std::string, std::string>> PackedSplit::digests() const {
  std::vector<std::pair<std::string, std::string>> digests;
  for (const std::string& path : paths_) {
    digests.emplace_back(std::filesystem::path(path).filename().string(), sha256_of_file(path));
  }
  return digests;
}

void PackedSplit::append(int64_t sequence, BatchBuffer& out) const {
  const Sequence& packed = sequences_[static_cast<size_t>(sequence)];
  if (out.document_starts.empty()) out.document_starts.push_back(0);
  for (size_t d = packed.first_document; d < packed.first_document + packed.documents; ++d) {
    for (uint32_t t = 0; t < documents_[d].length; ++t) {
      const uint32_t token = word(documents_[d].start + t);
      // The row before a target predicts it.
      if ((token & kTarget) != 0) out.target_rows.push_back(static_cast<int32_t>(out.ids.size()) - 1);
      out.ids.push_back(static_cast<int32_t>(token & ~kTarget));
    }
    out.document_starts.push_back(static_cast<int32_t>(out.ids.size()));
  }
}

}  // namespace tunesmith
