#include <doctest/doctest.h>

#include "train/schedule.h"

using namespace tunesmith;

// The expected figures are those of transformers' get_*_schedule_with_warmup with 10 steps, 2 of them warm-up.
TEST_CASE("Constant: rises over the warm-up, then stays") {
  const auto rate = [](int64_t step) { return learning_rate_at(ScheduleKind::constant, step, 10, 2, 1e-3); };
  CHECK(rate(0) == 0);
  CHECK(rate(1) == doctest::Approx(5e-4));
  CHECK(rate(2) == 1e-3);
  CHECK(rate(9) == 1e-3);
  CHECK(learning_rate_at(ScheduleKind::constant, 0, 10, 0, 1e-3) == 1e-3);
}

TEST_CASE("Linear: falls to 0 at the end") {
  const auto rate = [](int64_t step) { return learning_rate_at(ScheduleKind::linear, step, 10, 2, 1e-3); };
  CHECK(rate(1) == doctest::Approx(5e-4));
  CHECK(rate(2) == doctest::Approx(1e-3));
  CHECK(rate(6) == doctest::Approx(5e-4));
  CHECK(rate(9) == doctest::Approx(1.25e-4));
  CHECK(rate(10) == 0);
  CHECK(rate(11) == 0);
}

TEST_CASE("Cosine: half a period") {
  const auto rate = [](int64_t step) { return learning_rate_at(ScheduleKind::cosine, step, 10, 2, 1e-3); };
  CHECK(rate(1) == doctest::Approx(5e-4));
  CHECK(rate(2) == doctest::Approx(1e-3));
  CHECK(rate(4) == doctest::Approx(8.5355339e-4));
  CHECK(rate(6) == doctest::Approx(5e-4));
  CHECK(rate(10) == doctest::Approx(0));
}

TEST_CASE("A warm-up as long as the run never divides by zero") {
  CHECK(learning_rate_at(ScheduleKind::linear, 5, 5, 5, 1e-3) == 0);
  CHECK(learning_rate_at(ScheduleKind::cosine, 4, 5, 5, 1e-3) == doctest::Approx(8e-4));
}
