#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tunesmith {

/** FIPS 180-4, by the processor's own instructions for it where it has them. */
class Sha256 {
 public:
  /** `plain`: without those instructions, whatever the processor has. */
  explicit Sha256(bool plain = false);
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  /** Lower-case hexadecimal; the object is spent. */
  std::string finish();

 private:
  using State = std::array<uint32_t, 8>;
  using Compress = void (*)(State&, const std::byte* blocks, size_t count);
  static void compress_plain(State&, const std::byte* blocks, size_t count);
  static void compress_with_instructions(State&, const std::byte* blocks, size_t count);

  Compress compress_;
  State state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  size_t pending_size_ = 0;
  uint64_t total_ = 0;
};

std::string sha256_of_file(const std::string& path);

}  // namespace tunesmith
