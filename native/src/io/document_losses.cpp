#include "io/document_losses.h"

#include <cstring>

#include "error.h"
#include "io/atomic_file.h"
#include "io/mapped_file.h"

namespace tunesmith {

namespace {

constexpr const char* kMagic = "TSLOSSES";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 24;

struct Record {
  float mean;
  uint32_t step, targets, zero;
};
static_assert(sizeof(Record) == 16);

template <class T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

[[noreturn]] void broken(const std::string& path, const std::string& cause) {
  throw Error("losses-invalid", path + " is damaged: " + cause + "; remove it.");
}

}  // namespace

void write_document_losses(const std::string& path, std::span<const DocumentLoss> losses) {
  std::string bytes = kMagic;
  append(bytes, kVersion);
  append(bytes, static_cast<uint32_t>(sizeof(Record)));
  append(bytes, static_cast<uint64_t>(losses.size()));
  for (const DocumentLoss& loss : losses) append(bytes, Record{loss.mean, loss.step, loss.targets, 0});
  write_file_atomically(path, bytes);
}

std::vector<DocumentLoss> read_document_losses(const std::string& path, int64_t documents) {
  const MappedFile file = MappedFile::open(path);
  const auto bytes = file.bytes();
  const size_t count = static_cast<size_t>(documents);
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), kMagic, 8) != 0) broken(path, "it does not start with TSLOSSES");
  uint32_t head[2];
  uint64_t held;
  std::memcpy(head, bytes.data() + 8, sizeof head);
  std::memcpy(&held, bytes.data() + 16, sizeof held);
  if (head[0] != kVersion || head[1] != sizeof(Record)) broken(path, "its header is not that of version 1");
  if (held != count) broken(path, "it is of " + std::to_string(held) + " documents where there are " + std::to_string(count));
  if (bytes.size() != kHeader + count * sizeof(Record)) broken(path, "its size is not that of its documents");
  std::vector<DocumentLoss> losses(count);
  for (size_t i = 0; i < count; ++i) {
    Record record;
    std::memcpy(&record, bytes.data() + kHeader + i * sizeof record, sizeof record);
    losses[i] = {record.mean, record.step, record.targets};
  }
  return losses;
}

float TargetMeans::next(uint32_t targets) {
  double sum = 0;
  for (const float nll : nll_.first(targets)) sum += nll;
  nll_ = nll_.subspan(targets);
  sum_ += sum;
  return targets == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(sum / targets);
}

}  // namespace tunesmith
