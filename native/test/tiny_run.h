#pragma once
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "io/json.h"
#include "scratch.h"

/** A document of test data; its last `targets` tokens are targets. */
struct TinyDocument {
  uint32_t sequence;
  std::vector<int32_t> ids;
  uint32_t targets;
};
/** Writes SPLIT.tokens and SPLIT.documents into the scratch folder. */
void write_packed(const Scratch& scratch, const std::string& split, const std::vector<TinyDocument>& documents,
                  const std::string& folder = "");

/** A random Llama of two layers, hidden size 32 and 64 tokens in `folder` of the scratch. */
void write_tiny_model(const Scratch& scratch, const std::string& folder);

/** A run directory `run` beside its model `model`, small enough to train in a moment. */
class TinyRun {
 public:
  /** `change` edits run.json before it is written. */
  explicit TinyRun(const std::function<void(tunesmith::Json&)>& change = nullptr);
  std::string path() const { return scratch_.at("run"); }
  std::string model() const { return scratch_.at("model"); }
  const Scratch& scratch() const { return scratch_; }
  void edit_spec(const std::function<void(tunesmith::Json&)>& change) const;
  void control(const std::string& line) const;
  /** The events so far; a torn last line is left out. */
  std::vector<tunesmith::Json> events() const;
  std::vector<tunesmith::Json> events(const std::string& type) const;
  /** The messages of the warnings with that code. */
  std::vector<std::string> warnings(const std::string& code) const;
  std::string adapter() const { return scratch_.read("run/adapter/adapter_model.safetensors"); }

 private:
  Scratch scratch_;
};

/** The engine as a process of its own. Its output goes to files. */
class EngineProcess {
 public:
  EngineProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;
  void signal(int number) const;
  bool running();
  /** The exit code, or minus the number of the signal that ended it. */
  int wait();
  std::string out() const { return scratch_.read("out"); }
  std::string err() const { return scratch_.read("err"); }

 private:
  Scratch scratch_;
  pid_t pid_ = -1;
  int result_ = 0;
};

/** Polls until `condition` holds; a test fails where it does not within a minute. */
void wait_until(const std::function<bool()>& condition);
