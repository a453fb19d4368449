#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tunesmith {

/** Writes PATH.tmp, fsyncs it and renames it to PATH on commit(); without commit() nothing stays. Throws Error. */
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  void flush();
  [[noreturn]] void fail(const std::string& doing, int error);
  std::string path_, temporary_;
  int fd_ = -1;
  std::vector<std::byte> buffer_;
};

void write_file_atomically(const std::string& path, std::string_view text);

/** A folder made under a temporary name and moved into place whole; an older folder of that name is replaced. */
class StagedFolder {
 public:
  /** Removes what an interrupted writer left under the temporary name. */
  StagedFolder(std::string temporary, std::string path);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  const std::string& temporary() const { return temporary_; }
  void commit();

 private:
  std::string temporary_, path_;
  bool committed_ = false;
};

/** fsync of a folder, so that renames in it are on the disk. Throws Error. */
void sync_folder(const std::string& path);
/** mkdir -p. Throws Error. */
void make_folder(const std::string& path);
std::string folder_of(const std::string& path);

}  // namespace tunesmith
