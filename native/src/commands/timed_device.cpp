#include "commands/timed_device.h"

namespace tunesmith {

std::map<std::string, TimedDevice::Total> TimedDevice::stop() {
  timing_ = false;
  std::map<std::string, Total> totals;
  for (const Span& span : spans_) {
    Total& total = totals[span.op];
    total.seconds += device_->seconds_between(span.begin, span.end);
    ++total.calls;
  }
  spans_.clear();
  return totals;
}

}  // namespace tunesmith
