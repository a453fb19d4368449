#include "run/tensorboard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "error.h"
#include "io/atomic_file.h"

namespace tunesmith {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";
constexpr const char* kFileVersion = "brain.Event:2";

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0u);
    table[i] = value;
  }
  return table;
}

template <class T>
void append_little_endian(std::string& bytes, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (size_t i = 0; i < sizeof value; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

/** A message in protobuf's wire format. */
class Message {
 public:
  Message& integer(uint32_t field, int64_t value) {
    key(field, 0);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& real(uint32_t field, double value) {
    key(field, 1);
    append_little_endian(bytes_, std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& single(uint32_t field, float value) {
    key(field, 5);
    append_little_endian(bytes_, std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& bytes(uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& done() const { return bytes_; }

 private:
  void key(uint32_t field, uint32_t type) { varint(field << 3 | type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  std::string bytes_;
};

// Field numbers of TensorFlow's event.proto, summary.proto and tensor.proto.
namespace event {
constexpr uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log {
constexpr uint32_t kStatus = 1;
constexpr int64_t kStart = 1;
}  // namespace session_log
namespace summary {
constexpr uint32_t kValue = 1, kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9;
}
namespace metadata {
constexpr uint32_t kPluginData = 1, kPluginName = 1;
}
namespace tensor {
constexpr uint32_t kType = 1, kShape = 2, kStrings = 8, kDimension = 2, kSize = 1;
constexpr int64_t kString = 7;
}  // namespace tensor

Message event_at(int64_t step) {
  const double seconds = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  Message message;
  message.real(event::kWallTime, seconds);
  if (step != 0) message.integer(event::kStep, step);
  return message;
}

/** length, its checksum, data, its checksum. */
std::string record(const std::string& data) {
  std::string bytes;
  append_little_endian(bytes, static_cast<uint64_t>(data.size()));
  append_little_endian(bytes, masked_crc32c(bytes));
  bytes += data;
  append_little_endian(bytes, masked_crc32c(data));
  return bytes;
}

/** A host's name may hold anything; the file's name is to have its dots where readers look for them. */
std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host = name;
  for (char& c : host) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '-';
  }
  return host.substr(0, 64);
}

/** Seconds since 1970 in the newest name of the folder, 0 where there is none. */
int64_t newest_seconds(const std::string& folder) {
  int64_t newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    // Ten digits, as names are compared as texts; they last until the year 2286.
    int64_t seconds = 0;
    const char* begin = name.data() + kPrefix.size();
    const char* end = begin + std::min<size_t>(10, name.size() - kPrefix.size());
    if (std::from_chars(begin, end, seconds).ec == std::errc()) newest = std::max(newest, seconds);
  }
  return newest;
}

[[noreturn]] void fail(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(full ? "disk-full" : "file-unwritable",
              path + " cannot be written: " + (full ? "the disk is full" : std::strerror(error)) + ".");
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ (crc >> 8);
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

TensorBoardLog::TensorBoardLog(std::string folder, int64_t attempt, int64_t resumed_from)
    : folder_(std::move(folder)), attempt_(attempt), resumed_from_(resumed_from) {}

TensorBoardLog::~TensorBoardLog() {
  if (fd_ >= 0) close(fd_);
}

void TensorBoardLog::create() {
  make_folder(folder_);
  struct stat status;
  // A link could lead out of the run directory.
  if (lstat(folder_.c_str(), &status) != 0) fail(folder_, errno);
  if (!S_ISDIR(status.st_mode)) fail(folder_, ENOTDIR);
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string seconds = std::to_string(std::max<int64_t>(now, newest_seconds(folder_) + 1));
  path_ = folder_ + "/" + std::string(kPrefix) + seconds.insert(0, seconds.size() < 10 ? 10 - seconds.size() : 0, '0') + "." +
          host_name() + "." + std::to_string(getpid()) + "." + std::to_string(attempt_);
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) fail(path_, errno);
  std::string head = record(event_at(0).bytes(event::kFileVersion, kFileVersion).done());
  if (attempt_ > 1) {
    // TensorBoard drops what earlier files say of this step and later ones.
    const int64_t first = resumed_from_ > 0 ? resumed_from_ + 1 : 0;
    const Message start = Message().integer(session_log::kStatus, session_log::kStart);
    head += record(event_at(first).bytes(event::kSessionLog, start.done()).done());
  }
  try {
    append(head);
  } catch (...) {
    close(fd_);
    fd_ = -1;
    unlink(path_.c_str());
    throw;
  }
}

void TensorBoardLog::add(int64_t step, const std::vector<Scalar>& scalars) {
  Message values;
  for (const Scalar& scalar : scalars) {
    if (!std::isfinite(scalar.value)) continue;
    const Message value =
        Message().bytes(summary::kTag, scalar.tag).single(summary::kSimpleValue, static_cast<float>(scalar.value));
    values.bytes(summary::kValue, value.done());
  }
  if (!values.done().empty()) add_summary(step, values.done());
}

void TensorBoardLog::add_text(int64_t step, std::string_view tag, std::string_view markdown) {
  const Message plugin = Message().bytes(metadata::kPluginName, "text");
  const Message shape = Message().bytes(tensor::kDimension, Message().integer(tensor::kSize, 1).done());
  const Message strings = Message()
                              .integer(tensor::kType, tensor::kString)
                              .bytes(tensor::kShape, shape.done())
                              .bytes(tensor::kStrings, markdown);
  const Message value = Message()
                            .bytes(summary::kTag, tag)
                            .bytes(summary::kTensor, strings.done())
                            .bytes(summary::kMetadata, Message().bytes(metadata::kPluginData, plugin.done()).done());
  add_summary(step, Message().bytes(summary::kValue, value.done()).done());
}

void TensorBoardLog::add_summary(int64_t step, const std::string& summary) {
  if (fd_ < 0) create();
  append(record(event_at(step).bytes(event::kSummary, summary).done()));
}

void TensorBoardLog::append(const std::string& bytes) {
  struct stat before;
  if (fstat(fd_, &before) != 0) fail(path_, errno);
  ssize_t written;
  do written = write(fd_, bytes.data(), bytes.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(bytes.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  // Readers stop for good at a record that is cut off in the middle of a file.
  if (written > 0 && ftruncate(fd_, before.st_size) != 0) {
    close(fd_);
    fd_ = -1;
  }
  fail(path_, error);
}

}  // namespace tunesmith
