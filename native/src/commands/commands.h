#pragma once
#include <string>
#include <vector>

namespace tunesmith {

/** Wrong arguments: the message and the usage go to stderr, exit code 2. */
struct UsageError {
  std::string message;
};

/** Each takes the arguments after its name and gives the exit code; throws UsageError or Error. */
int run_verify(const std::vector<std::string>& arguments);

}  // namespace tunesmith
