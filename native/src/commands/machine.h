#pragma once
#include <memory>

#include "commands/arguments.h"
#include "run/machine.h"
#include "run/run_spec.h"

namespace tunesmith {

/** This machine with its NVIDIA GPUs, as far as the engine was built for them. */
std::unique_ptr<Machine> this_machine();

/** The names of the options that stand for run.json's settings; each takes a value. */
inline const std::vector<std::string> kOverrideOptions = {"--threads", "--device", "--recompute", "--micro-batch",
                                                          "--memory-budget"};
RunOverrides overrides_of(const Arguments&);

}  // namespace tunesmith
