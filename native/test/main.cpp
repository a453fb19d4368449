#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "commands/blas_check.h"

int main(int argc, char** argv) {
  tunesmith::ensure_correct_blas(argv);
  return doctest::Context(argc, argv).run();
}
