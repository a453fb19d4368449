#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "error.h"

namespace tunesmith {

namespace {

constexpr size_t kBuffer = size_t{1} << 20;

std::string cause_of(int error) {
  if (error == ENOSPC || error == EDQUOT) return "the disk is full; free some space and start again";
  if (error == EFBIG) return "the file would become larger than this process may write";
  return std::strerror(error);
}

[[noreturn]] void fail_write(const std::string& path, const std::string& doing, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(full ? "disk-full" : "file-unwritable", path + " cannot be " + doing + ": " + cause_of(error) + ".");
}

}  // namespace

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync_folder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail_write(path, "synced", errno);
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  // Some network file systems cannot sync a folder; their renames are as durable as they get.
  if (result != 0 && error != EINVAL && error != ENOTSUP) fail_write(path, "synced", error);
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail_write(path, "created", error.value());
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
  fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd_ < 0) fail_write(path_, "written", errno);
  buffer_.reserve(kBuffer);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& doing, int error) {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  unlink(temporary_.c_str());
  fail_write(path_, doing, error);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t room = kBuffer - buffer_.size();
    const size_t part = std::min(room, bytes.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (buffer_.size() == kBuffer) flush();
  }
}

void AtomicFile::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t written = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("written", written == 0 ? ENOSPC : errno);
    done += static_cast<size_t>(written);
  }
  buffer_.clear();
}

void AtomicFile::commit() {
  flush();
  if (fsync(fd_) != 0) fail("written", errno);
  const int closed = close(fd_);
  fd_ = -1;
  if (closed != 0) fail("written", errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail("written", errno);
  sync_folder(folder_of(path_));
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

StagedFolder::StagedFolder(std::string temporary, std::string path)
    : temporary_(std::move(temporary)), path_(std::move(path)) {
  std::error_code error;
  std::filesystem::remove_all(temporary_, error);
  make_folder(folder_of(path_));
  if (mkdir(temporary_.c_str(), 0755) != 0) fail_write(temporary_, "created", errno);
}

StagedFolder::~StagedFolder() {
  if (committed_) return;
  std::error_code error;
  std::filesystem::remove_all(temporary_, error);
}

void StagedFolder::commit() {
  sync_folder(temporary_);
  if (rename(temporary_.c_str(), path_.c_str()) == 0) {
    committed_ = true;
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    // The old folder takes the temporary name, in one step where the file system can; the destructor removes it.
    if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
      const std::string old = temporary_ + ".old";
      std::error_code error;
      std::filesystem::remove_all(old, error);
      if (rename(path_.c_str(), old.c_str()) != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) {
        fail_write(path_, "replaced", errno);
      }
      std::filesystem::remove_all(old, error);
      committed_ = true;
    }
  } else {
    fail_write(path_, "written", errno);
  }
  sync_folder(folder_of(path_));
}

}  // namespace tunesmith
