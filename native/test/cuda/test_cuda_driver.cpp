#include <doctest/doctest.h>

#include "cuda/nvml.h"
#include "error.h"

using namespace tunesmith;

/** What needs no GPU: main.cpp runs this suite everywhere. */
TEST_SUITE_BEGIN("driver");

TEST_CASE("CUDA drivers and generations that are too old are named with what is needed") {
  CHECK(nvidia_problem(90, 13000, "580.95.05") == "");
  CHECK(nvidia_problem(80, 13010, "") == "");
  CHECK(nvidia_problem(75, 13000, "580.95.05") ==
        "its compute capability is 7.5, and 8.0 (NVIDIA Ampere) or newer is needed");
  CHECK(nvidia_problem(90, 12040, "550.54.14") ==
        "the NVIDIA driver 550.54.14 is too old: CUDA 13 needs 580 or newer; update the driver");
  CHECK(nvidia_problem(90, 12040, "").find("the NVIDIA driver for CUDA 12.4 is too old") == 0);
}

TEST_CASE("CUDA devices of this machine are described, or it is said why there are none") {
  const NvidiaDriver driver = find_nvidia_gpus();
  CHECK(driver.gpus.empty() == !driver.problem.empty());
  for (const NvidiaGpu& gpu : driver.gpus) {
    CAPTURE(gpu.name);
    CHECK(gpu.name != "");
    CHECK(gpu.bus != "");
    CHECK(gpu.capability >= 50);
    CHECK(gpu.multiprocessors > 0);
    CHECK(gpu.memory_total > 0);
    if (gpu.problem.empty() && gpu.clock_hz > 0) CHECK(nvidia_peak_flops(gpu) > 1e12);
    const NvmlMonitor monitor(gpu.bus);
    const auto reading = monitor.read();
    // Where NVML is there, it knows the same GPU.
    CHECK(reading.has_value() == gpu.memory_free.has_value());
    if (reading) CHECK(reading->memory_total == doctest::Approx(static_cast<double>(gpu.memory_total)).epsilon(0.05));
  }
  CHECK_FALSE(NvmlMonitor("").read().has_value());
}

TEST_CASE("CUDA devices that are not there are refused with a reason") {
  const NvidiaDriver driver = find_nvidia_gpus();
  try {
    require_usable_gpu(1000);
    FAIL("a GPU of that number was found");
  } catch (const Error& error) {
    CHECK(error.code() == "device-unavailable");
    const std::string reason = driver.problem.empty() ? " on this machine." : ": " + driver.problem + ".";
    CHECK(std::string(error.what()) == "There is no GPU number 1000" + reason);
  }
  for (const NvidiaGpu& gpu : driver.gpus) {
    if (gpu.problem.empty()) CHECK_NOTHROW(require_usable_gpu(gpu.index));
  }
}

TEST_SUITE_END();
