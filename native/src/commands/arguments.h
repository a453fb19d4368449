#pragma once
#include <cstdint>
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
  std::optional<int64_t> whole(const std::string& name, int64_t low, int64_t high) const;
  /** Index of the value in `allowed`. */
  std::optional<size_t> choice(const std::string& name, const std::vector<const char*>& allowed) const;
  bool flag(const std::string& name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace tunesmith
