#include "run/run_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>

#include "error.h"
#include "io/json.h"
#include "run/events.h"

namespace tunesmith {

namespace {

constexpr auto kHeartbeat = std::chrono::seconds(2);
/** Every write has this size, so that a reader never sees the end of an older, longer one. */
constexpr size_t kContent = 512;

/** Field 22 of /proc/self/stat. The second field, the name, may hold spaces and brackets. */
int64_t own_start_ticks() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return fields ? std::strtoll(field.c_str(), nullptr, 10) : 0;
}

/** What the holder wrote; not an object where that cannot be read. */
Json content(int fd) {
  char buffer[kContent + 1] = {};
  if (pread(fd, buffer, kContent, 0) <= 0) return Json();
  return Json::parse(buffer, nullptr, false);
}

/** " (process 123 on host)", or nothing where the content cannot be read. */
std::string holder(int fd) {
  const Json json = content(fd);
  if (!json.is_object() || !json.contains("pid") || !json.contains("host")) return "";
  return " (process " + shown(json["pid"]) + " on " + shown(json["host"]) + ")";
}

int64_t attempt_in(const Json& json) {
  if (!json.is_object()) return 0;
  const auto attempt = json.find("attempt");
  return attempt == json.end() ? 0 : attempt_number(*attempt);
}

}  // namespace

RunLock::RunLock(const std::string& folder) : path_(folder + "/engine.lock") {
  fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw Error("lock-unwritable", path_ + " cannot be written: " + std::strerror(errno) + ".");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string who = error == EWOULDBLOCK ? holder(fd_) : "";
    close(fd_);
    if (error == EWOULDBLOCK) {
      throw Error("run-locked", folder + " is being trained by another engine" + who + "; stop that one first.");
    }
    throw Error("lock-unwritable", path_ + " cannot be locked: " + std::strerror(error) + ".");
  }
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) host_ = name;
  start_ticks_ = own_start_ticks();
  attempt_ = attempt_in(content(fd_));
}

RunLock::~RunLock() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  close(fd_);
}

void RunLock::write() const {
  const Json json = {{"pid", getpid()},
                     {"startTicks", start_ticks_},
                     {"host", host_},
                     {"attempt", attempt_},
                     {"heartbeat", now_milliseconds()}};
  std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  text.resize(kContent - 1, ' ');
  text += '\n';
  // A missed beat is not worth failing a run for; the next one comes in two seconds.
  if (pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) && ftruncate(fd_, kContent) != 0) return;
}

void RunLock::start_heartbeat(int64_t attempt) {
  attempt_ = attempt;
  write();
  thread_ = std::jthread([this](std::stop_token stop) {
    // Signals are the main thread's.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, stop, kHeartbeat, [] { return false; })) {
      if (stop.stop_requested()) return;
      write();
    }
  });
}

}  // namespace tunesmith
