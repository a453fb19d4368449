#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "error.h"
#include "ops.h"

/** Without a GPU all but the suite "driver" is skipped, and counted so, with one line that says why. */
int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  try {
    tunesmith::open_cuda_device({});
  } catch (const tunesmith::Error& error) {
    if (error.code() != "device-unavailable") {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
    std::printf("CUDA tests that need a GPU are skipped: %s\n", error.what());
    context.addFilter("test-suite", "driver");
  }
  return context.run();
}
