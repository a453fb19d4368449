#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace tunesmith {

/** A regular file, mapped read-only. */
class MappedFile {
 public:
  /** Throws Error naming the file; an empty file gives an empty span. */
  static MappedFile open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tunesmith
