#pragma once
#include "ops.h"

namespace tunesmith {

/** The machine's memory as far as this process may use it (cgroup limits included). */
DeviceMemoryInfo read_memory();

}  // namespace tunesmith
