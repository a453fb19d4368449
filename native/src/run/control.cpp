#include "run/control.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "error.h"
#include "run/run_spec.h"

namespace tunesmith {

namespace {
/** No message is nearly as long. */
constexpr size_t kMaxLine = size_t{64} << 10;
}  // namespace

void ControlReader::take_learning_rate(const Json& message, Result& result) const {
  try {
    const Fields fields(message, path_ + ", line " + std::to_string(line_), "", "control-invalid");
    result.messages.push_back(
        {ControlType::learning_rate, fields.number("learningRate", kLeastLearningRate, kMostLearningRate)});
  } catch (const Error& error) {
    result.problems.push_back(error.what());
  }
}

void ControlReader::take_line(const std::string& line, Result& result) {
  line_ += 1;
  if (line.find_first_not_of(" \t\r") == std::string::npos) return;
  const Json json = Json::parse(line, nullptr, false);
  const auto attempt = json.is_object() ? json.find("attempt") : json.end();
  const auto type = json.is_object() ? json.find("type") : json.end();
  if (!json.is_object() || attempt == json.end() || !attempt->is_number_integer() || type == json.end() ||
      !type->is_string()) {
    result.problems.push_back(path_ + ", line " + std::to_string(line_) + ": not a control message; it is ignored.");
    return;
  }
  if (*attempt != attempt_) return;
  for (size_t i = 0; i < std::size(kControlTypes); ++i) {
    if (*type != kControlTypes[i]) continue;
    const auto known = static_cast<ControlType>(i);
    if (known == ControlType::learning_rate) return take_learning_rate(json, result);
    return result.messages.push_back({known});
  }
  result.problems.push_back(path_ + ", line " + std::to_string(line_) + ": " + shown(*type) +
                            " is not stop, pause, resume, checkpoint or learning-rate; it is ignored.");
}

ControlReader::Result ControlReader::read() {
  Result result;
  struct stat info;
  // One cheap call where nothing has changed.
  if (stat(path_.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return result;
  if (info.st_ino != inode_ || static_cast<uint64_t>(info.st_size) < offset_) {
    inode_ = info.st_ino;
    offset_ = line_ = 0;
    pending_.clear();
    skipping_ = false;
  }
  if (static_cast<uint64_t>(info.st_size) == offset_) return result;
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return result;
  std::array<char, 1 << 16> buffer;
  ssize_t count;
  while ((count = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset_))) > 0) {
    offset_ += static_cast<uint64_t>(count);
    for (const char c : std::string_view(buffer.data(), static_cast<size_t>(count))) {
      if (c != '\n') {
        if (pending_.size() < kMaxLine) {
          pending_ += c;
        } else {
          skipping_ = true;
        }
        continue;
      }
      take_line(skipping_ ? "?" : pending_, result);
      pending_.clear();
      skipping_ = false;
    }
  }
  close(fd);
  return result;
}

}  // namespace tunesmith
