#pragma once
#include <optional>
#include <string>
#include <vector>

namespace tunesmith {

/** `--name VALUE` and `--name` of one command; throws UsageError. */
class Arguments {
 public:
  Arguments(const std::vector<std::string>& arguments, const std::vector<std::string>& with_value,
            const std::vector<std::string>& flags);
  std::string required(const std::string& name) const;
  std::optional<std::string> optional(const std::string& name) const;
  /** A whole number from `low` to `high`. */
  std::optional<int> number(const std::string& name, int low, int high) const;
  bool flag(const std::string& name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace tunesmith
