#include "cpu/memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

namespace tunesmith {

namespace {

/** A field of /proc/meminfo in bytes, or 0. */
int64_t meminfo(const std::string& name) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::strtoll(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  int64_t value = -1;
  file >> value;  // "max" fails
  return file ? value : -1;
}

/** Lowers `memory` to the limits of this process's cgroups (version 2). */
void apply_cgroup_limits(DeviceMemoryInfo& memory) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::/")) continue;
    std::string group = line.substr(3);
    for (;;) {
      const std::string folder = "/sys/fs/cgroup" + group;
      const int64_t limit = number_in(folder + "/memory.max"), used = number_in(folder + "/memory.current");
      if (limit > 0 && used >= 0) {
        memory.total = std::min(memory.total, limit);
        memory.available = std::min(memory.available, std::max<int64_t>(0, limit - used));
      }
      const size_t slash = group.rfind('/');
      if (group.size() <= 1 || slash == std::string::npos) break;
      group = group.substr(0, slash);
    }
  }
}

}  // namespace

DeviceMemoryInfo read_memory() {
  DeviceMemoryInfo memory{meminfo("MemTotal"), meminfo("MemAvailable")};
  apply_cgroup_limits(memory);
  return memory;
}

}  // namespace tunesmith
