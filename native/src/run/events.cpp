#include "run/events.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "error.h"
#include "io/mapped_file.h"

namespace tunesmith {

namespace {

template <class... Events>
Json schema_of() {
  Json schema = Json::object();
  const auto add = [&](const auto& event) {
    Json names = Json::array();
    event.visit([&](const char* name, const auto&) { names.push_back(name); });
    schema[event.kType] = names;
  };
  (add(Events{}), ...);
  return schema;
}

/** The attempt of one line, 0 where it is not an event. */
int64_t attempt_of(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  if (!event.is_object()) return 0;
  const auto attempt = event.find("attempt");
  return attempt == event.end() ? 0 : attempt_number(*attempt);
}

}  // namespace

int64_t attempt_number(const Json& value) {
  if (!value.is_number_unsigned()) return 0;
  const auto number = value.get<uint64_t>();
  return number < (uint64_t{1} << 53) ? static_cast<int64_t>(number) : 0;
}

Json event_schema() {
  return schema_of<StartEvent, PlanEvent, MemoryEvent, StepEvent, TelemetryEvent, EvalEvent, SampleEvent, LearningRateEvent,
                   RowLossesEvent, CheckpointEvent, PausedEvent, ResumedEvent, WarningEvent, ErrorEvent, DoneEvent>();
}

int64_t now_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

EventLog::EventLog(const std::string& path, int64_t last_attempt) : path_(path), attempt_(last_attempt + 1) {
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw Error("file-unwritable", path + " cannot be written: " + std::strerror(errno) + ".");
  try {
    repair();
  } catch (...) {
    close(fd_);
    throw;
  }
}

EventLog::~EventLog() { close(fd_); }

void EventLog::repair() {
  const MappedFile file = MappedFile::open(path_);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  size_t start = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', start)) {
    attempt_ = std::max(attempt_, attempt_of(text.substr(start, end - start)) + 1);
    start = end + 1;
  }
  if (start == text.size()) return;
  const std::string_view last = text.substr(start);
  const int64_t attempt = attempt_of(last);
  const bool whole = attempt > 0;
  attempt_ = std::max(attempt_, attempt + 1);
  const bool repaired = whole ? ::write(fd_, "\n", 1) == 1 : ftruncate(fd_, static_cast<off_t>(start)) == 0;
  if (!repaired) throw Error("file-unwritable", path_ + " cannot be written: " + std::strerror(errno) + ".");
}

nlohmann::ordered_json EventLog::head(const char* type) const {
  return {{"type", type}, {"time", now_milliseconds()}, {"attempt", attempt_}};
}

void EventLog::put(nlohmann::ordered_json& line, const char* name, double value) {
  if (!std::isfinite(value)) throw Error("number-not-finite", std::string("The event's ") + name + " is not a finite number.");
  line[name] = value;
}

void EventLog::put(nlohmann::ordered_json& line, const char* name, const std::optional<double>& value) {
  if (value) {
    put(line, name, *value);
  } else {
    line[name] = nullptr;
  }
}

void EventLog::sync() const {
  if (fdatasync(fd_) != 0) throw Error("file-unwritable", path_ + " cannot be written: " + std::strerror(errno) + ".");
}

void EventLog::append(const nlohmann::ordered_json& line) {
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  struct stat before;
  const bool known = fstat(fd_, &before) == 0;
  ssize_t written;
  do written = ::write(fd_, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(text.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  // Half a line is worse than none. If this fails too, the next attempt repairs it.
  if (written > 0 && known && ftruncate(fd_, before.st_size) != 0) errno = 0;
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(full ? "disk-full" : "file-unwritable",
              path_ + " cannot be written: " +
                  (full ? "the disk is full; free some space and start again" : std::strerror(error)) + ".");
}

}  // namespace tunesmith
