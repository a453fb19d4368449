#pragma once
#include <string>
#include <vector>

namespace tunesmith {

/** Wrong arguments: the message and the usage go to stderr, exit code 2. */
struct UsageError {
  std::string message;
};

/** Each takes the arguments after its name and gives the exit code; throws UsageError or Error. */
int run_train(const std::vector<std::string>& arguments);
int run_plan(const std::vector<std::string>& arguments);
int run_evaluate(const std::vector<std::string>& arguments);
int run_generate(const std::vector<std::string>& arguments);
int run_rows(const std::vector<std::string>& arguments);
int run_reference(const std::vector<std::string>& arguments);
int run_bench(const std::vector<std::string>& arguments);
int run_verify(const std::vector<std::string>& arguments);
int run_devices(const std::vector<std::string>& arguments);
int run_schema(const std::vector<std::string>& arguments);

}  // namespace tunesmith
