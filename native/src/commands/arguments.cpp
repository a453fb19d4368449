#include "commands/arguments.h"

#include <algorithm>
#include <charconv>

#include "commands/commands.h"

namespace tunesmith {

Arguments::Arguments(const std::vector<std::string>& arguments, const std::vector<std::string>& with_value,
                     const std::vector<std::string>& flags) {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const bool takes_value = has(with_value, name);
    if (!takes_value && !has(flags, name)) throw UsageError{"\"" + name + "\" is not an option of this command"};
    if (optional(name)) throw UsageError{name + " is given twice"};
    if (takes_value && i + 1 == arguments.size()) throw UsageError{name + " needs a value"};
    values_.emplace_back(name, takes_value ? arguments[++i] : "");
  }
}

std::optional<std::string> Arguments::optional(const std::string& name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string Arguments::required(const std::string& name) const {
  const auto value = optional(name);
  if (!value || value->empty()) throw UsageError{name + " is needed"};
  return *value;
}

std::optional<int64_t> Arguments::whole(const std::string& name, int64_t low, int64_t high) const {
  const auto value = optional(name);
  if (!value) return std::nullopt;
  int64_t number = 0;
  const auto [rest, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || rest != value->data() + value->size() || number < low || number > high) {
    throw UsageError{name + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                     ", not \"" + *value + "\""};
  }
  return number;
}

std::optional<int> Arguments::number(const std::string& name, int low, int high) const {
  const auto value = whole(name, low, high);
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

std::optional<size_t> Arguments::choice(const std::string& name, const std::vector<const char*>& allowed) const {
  const auto value = optional(name);
  if (!value) return std::nullopt;
  std::string list;
  for (size_t i = 0; i < allowed.size(); ++i) {
    if (*value == allowed[i]) return i;
    list += (i == 0 ? "" : i + 1 < allowed.size() ? ", " : " or ") + std::string(allowed[i]);
  }
  throw UsageError{name + " must be " + list + ", not \"" + *value + "\""};
}

bool Arguments::flag(const std::string& name) const { return optional(name).has_value(); }

}  // namespace tunesmith
