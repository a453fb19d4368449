#include <cstdio>
#include <exception>
#include <new>

#include "commands/commands.h"
#include "error.h"

namespace tunesmith {

namespace {

constexpr const char* kUsage =
    "Usage: tunesmith-engine COMMAND …\n"
    "  --version\n"
    "  --help\n";

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError{"a command is needed"};
  const std::string& command = arguments.front();
  if (command == "--version") return std::printf("tunesmith-engine %s\n", TUNESMITH_VERSION) < 0;
  if (command == "--help" || command == "-h") return std::fputs(kUsage, stdout) < 0;
  throw UsageError{"there is no command \"" + command + "\""};
}

}  // namespace

int engine_main(int argc, char** argv) {
  try {
    return dispatch(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const UsageError& error) {
    std::fprintf(stderr, "tunesmith-engine: %s.\n%s", error.message.c_str(), kUsage);
    return 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "tunesmith-engine: %s\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "tunesmith-engine: there is not enough memory; close other programs or choose a smaller model.\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tunesmith-engine: internal error: %s\n", error.what());
  }
  return 1;
}

}  // namespace tunesmith
