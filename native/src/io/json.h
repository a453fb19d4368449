#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tunesmith {

using Json = nlohmann::json;

/** The whole of a regular file of at most `max_bytes`. Throws Error naming it. */
std::string read_file(const std::string& path, size_t max_bytes);

/** Strict JSON: UTF-8, no duplicate keys, at most 64 levels. `where` names the file in the Error. */
Json parse_json(std::string_view text, const std::string& where);
Json read_json_file(const std::string& path, size_t max_bytes = size_t{64} << 20);

/** A JSON object whose fields are read one by one; each Error names the file and the field (`lora.rank`). */
class Fields {
 public:
  /** `object` must outlive this. `prefix` is put before the names in messages, e.g. "lora.". */
  Fields(const Json& object, std::string file, std::string prefix, std::string code);

  /** Absent or null. */
  bool absent(const char* name) const;
  /** Throws where the field is absent. */
  bool null(const char* name) const;
  Fields object(const char* name) const;
  const Json& array(const char* name) const;
  std::string string(const char* name) const;
  bool boolean(const char* name) const;
  int64_t integer(const char* name, int64_t low, int64_t high) const;
  /** Finite, low ≤ value ≤ high. */
  double number(const char* name, double low, double high) const;
  /** Index of the field's string in `choices`. */
  size_t choice(const char* name, const std::vector<const char*>& choices) const;
  /** Throws for a field that none of the calls above has asked for. */
  void refuse_unknown() const;
  [[noreturn]] void fail(const char* name, const std::string& expected) const;

 private:
  const Json& required(const char* name) const;
  const Json& object_;
  std::string file_, prefix_, code_;
  mutable std::set<std::string> asked_;
};

/** A short rendering of a value for messages. */
std::string shown(const Json& value);

}  // namespace tunesmith
