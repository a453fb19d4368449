#include "io/json.h"

#include <cmath>
#include <unordered_set>

#include "error.h"
#include "io/mapped_file.h"

namespace tunesmith {

namespace {
constexpr int kMaxDepth = 64;
}

std::string read_file(const std::string& path, size_t max_bytes) {
  const MappedFile file = MappedFile::open(path);
  if (file.bytes().size() > max_bytes) {
    throw Error("file-too-large", path + " has " + std::to_string(file.bytes().size()) + " bytes where at most " +
                                      std::to_string(max_bytes) + " were expected; it is not the file it should be.");
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::unordered_set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        if (depth >= kMaxDepth) throw Error("json-too-deep", where + " nests JSON deeper than 64 levels.");
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        keys.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!keys.back().insert(parsed.get<std::string>()).second) {
          throw Error("json-duplicate", where + " has the field " + shown(parsed) + " twice.");
        }
        break;
      default:
        break;
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    throw Error("json-invalid", where + " is not valid JSON (byte " + std::to_string(error.byte) + " of " +
                                    std::to_string(text.size()) + ").");
  } catch (const Json::exception&) {
    throw Error("json-invalid", where + " holds a JSON number that cannot be represented.");
  }
}

Json read_json_file(const std::string& path, size_t max_bytes) { return parse_json(read_file(path, max_bytes), path); }

namespace {

/** 1024 → 1,024; other than whole numbers as JSON writes them. */
std::string figure(double value) {
  if (std::trunc(value) != value || std::abs(value) > 9007199254740992.0) return shown(Json(value));
  std::string text = std::to_string(static_cast<int64_t>(value));
  for (ptrdiff_t i = static_cast<ptrdiff_t>(text.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3) {
    text.insert(static_cast<size_t>(i), ",");
  }
  return text;
}

std::string shown_range(double low, double high) { return "number from " + figure(low) + " to " + figure(high); }

}  // namespace

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

Fields::Fields(const Json& object, std::string file, std::string prefix, std::string code)
    : object_(object), file_(std::move(file)), prefix_(std::move(prefix)), code_(std::move(code)) {
  if (!object_.is_object()) {
    const std::string name = prefix_.empty() ? "the content" : prefix_.substr(0, prefix_.size() - 1);
    throw Error(code_, file_ + ": " + name + " must be an object, not " + shown(object_) + ".");
  }
}

void Fields::fail(const char* name, const std::string& expected) const {
  const auto found = object_.find(name);
  const std::string field = file_ + ": " + prefix_ + name;
  if (found == object_.end()) throw Error(code_, field + " is missing.");
  throw Error(code_, field + " must be " + expected + ", not " + shown(*found) + ".");
}

const Json& Fields::required(const char* name) const {
  asked_.insert(name);
  static const Json missing;
  const auto found = object_.find(name);
  return found == object_.end() ? missing : *found;
}

bool Fields::absent(const char* name) const { return required(name).is_null(); }

bool Fields::null(const char* name) const {
  const bool null = absent(name);
  if (null && !object_.contains(name)) fail(name, "given");
  return null;
}

Fields Fields::object(const char* name) const {
  const Json& value = required(name);
  if (!value.is_object()) fail(name, "an object");
  return Fields(value, file_, prefix_ + name + ".", code_);
}

const Json& Fields::array(const char* name) const {
  const Json& value = required(name);
  if (!value.is_array()) fail(name, "a list");
  return value;
}

std::string Fields::string(const char* name) const {
  const Json& value = required(name);
  if (!value.is_string()) fail(name, "a text");
  return value.get<std::string>();
}

bool Fields::boolean(const char* name) const {
  const Json& value = required(name);
  if (!value.is_boolean()) fail(name, "true or false");
  return value.get<bool>();
}

int64_t Fields::integer(const char* name, int64_t low, int64_t high) const {
  const Json& value = required(name);
  const std::string expected = "a whole " + shown_range(static_cast<double>(low), static_cast<double>(high));
  // JavaScript writes 2 ** 53 as an integer, but 1e21 as a float; a float with a whole value is taken too.
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(INT64_MAX)) fail(name, expected);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) != number || std::abs(number) > 9007199254740992.0) fail(name, expected);
  } else if (!value.is_number_integer()) {
    fail(name, expected);
  }
  const auto number = value.get<int64_t>();
  if (number < low || number > high) fail(name, expected);
  return number;
}

double Fields::number(const char* name, double low, double high) const {
  const Json& value = required(name);
  const std::string expected = "a " + shown_range(low, high);
  if (!value.is_number()) fail(name, expected);
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < low || number > high) fail(name, expected);
  return number;
}

size_t Fields::choice(const char* name, const std::vector<const char*>& choices) const {
  const Json& value = required(name);
  std::string expected = choices.size() > 1 ? "one of " : "";
  for (size_t i = 0; i < choices.size(); ++i) {
    if (value.is_string() && value.get_ref<const std::string&>() == choices[i]) return i;
    expected += (i == 0 ? "" : ", ") + shown(Json(choices[i]));
  }
  fail(name, expected);
}

void Fields::refuse_unknown() const {
  for (const auto& [name, value] : object_.items()) {
    if (!asked_.contains(name)) {
      throw Error(code_, file_ + ": " + prefix_ + name + " is not a field that this version of the engine knows.");
    }
  }
}

}  // namespace tunesmith
