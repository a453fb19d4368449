#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "error.h"
#include "ops.h"

/** Needs a GPU: without one the tests are skipped, in one line that says why. */
int main(int argc, char** argv) {
  try {
    tunesmith::open_cuda_device({});
  } catch (const tunesmith::Error& error) {
    if (error.code() != "device-unavailable") {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
    std::printf("CUDA tests skipped: %s\n", error.what());
    return 0;
  }
  return doctest::Context(argc, argv).run();
}
