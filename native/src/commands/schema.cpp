#include <cstdio>

#include "commands/arguments.h"
#include "commands/commands.h"
#include "run/control.h"
#include "run/events.h"
#include "run/run_lock.h"
#include "run/run_spec.h"

namespace tunesmith {

int run_schema(const std::vector<std::string>& arguments) {
  const Arguments options(arguments, {}, {"--json"});
  const Json json = {{"events", event_schema()},
                     {"eventHead", {"type", "time", "attempt"}},
                     {"controlTypes", kControlTypes},
                     {"controlFields", kControlFields},
                     {"lockFields", kLockFields},
                     {"runFields", run_spec_fields()}};
  std::printf("%s\n", json.dump(options.flag("--json") ? -1 : 2).c_str());
  return 0;
}

}  // namespace tunesmith
