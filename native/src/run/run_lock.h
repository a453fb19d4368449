#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace tunesmith {

inline constexpr const char* kLockFields[] = {"pid", "startTicks", "host", "attempt", "heartbeat"};

/** engine.lock: one engine a run directory. flock(2) excludes others and is released by the kernel whatever happens;
    the content tells readers that cannot flock who it is and that it lives. */
class RunLock {
 public:
  /** Throws Error where another engine holds it. */
  explicit RunLock(const std::string& folder);
  /** The attempt of the engine that held it before; 0 where there was none, or its content cannot be read. */
  int64_t last_attempt() const { return attempt_; }
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  /** Writes the content now and then every two seconds. */
  void start_heartbeat(int64_t attempt);

 private:
  void write() const;
  std::string path_, host_;
  int fd_ = -1;
  int64_t attempt_ = 0, start_ticks_ = 0;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace tunesmith
