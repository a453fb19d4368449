#pragma once
#include <stdexcept>
#include <string>

namespace tunesmith {

/** Bad input or a failed system call. `what()` is one sentence for the user: the file, the cause, what to do. */
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  /** Stable, kebab-case, e.g. "safetensors-truncated"; goes into events. */
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace tunesmith
