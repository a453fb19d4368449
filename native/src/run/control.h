#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/json.h"

namespace tunesmith {

enum class ControlType { stop, pause, resume, checkpoint, learning_rate };
inline constexpr const char* kControlTypes[] = {"stop", "pause", "resume", "checkpoint", "learning-rate"};
inline constexpr const char* kControlFields[] = {"type", "attempt", "time", "learningRate"};

struct ControlMessage {
  ControlType type;
  /** Of ControlType::learning_rate: kLeastLearningRate to kMostLearningRate. */
  double learning_rate = 0;
  bool operator==(const ControlMessage&) const = default;
};

/** Follows control.jsonl. A last line without its newline is left for the next read. */
class ControlReader {
 public:
  ControlReader(std::string path, int64_t attempt) : path_(std::move(path)), attempt_(attempt) {}

  struct Result {
    std::vector<ControlMessage> messages;
    /** One sentence for each line that is no message. */
    std::vector<std::string> problems;
  };
  /** What came since the last call. Messages for other attempts are left out; an absent file gives nothing. */
  Result read();

 private:
  void take_learning_rate(const Json& message, Result& result) const;
  void take_line(const std::string& line, Result& result);
  std::string path_;
  int64_t attempt_;
  uint64_t offset_ = 0, inode_ = 0, line_ = 0;
  std::string pending_;
  bool skipping_ = false;
};

}  // namespace tunesmith
