/**
 * Runs before every other initialiser of the program: constructor priority 101 comes before those without one, so before
 * C++ statics and before OpenBLAS picks its kernels. Compiled for plain x86-64 and free of C++ library headers: an inline
 * function shared with the x86-64-v3 objects could be linked in their version.
 */
#include <cpuid.h>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {

struct CpuId {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

CpuId cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  CpuId r;
  if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d)) return {};
  return r;
}

bool bit(uint32_t word, int position) { return (word >> position & 1u) != 0; }

/** The register sets that the kernel saves (XCR0); without the bits an AVX instruction faults. */
uint32_t saved_state() {
  if (!bit(cpuid(1).c, 27)) return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool has_x86_64_v3() {
  const CpuId one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001u);
  const bool avx = bit(one.c, 28) && (saved_state() & 0x6u) == 0x6u;
  return avx && bit(one.c, 12) /* FMA */ && bit(one.c, 22) /* MOVBE */ && bit(one.c, 29) /* F16C */ &&
         bit(seven.b, 3) /* BMI1 */ && bit(seven.b, 5) /* AVX2 */ && bit(seven.b, 8) /* BMI2 */ &&
         bit(extended.c, 5) /* LZCNT */;
}

__attribute__((constructor(101))) void check_cpu() {
  if (!has_x86_64_v3()) {
    static const char message[] =
        "tunesmith-engine: this CPU lacks AVX2, FMA or F16C (x86-64-v3, in Intel CPUs since Haswell 2013 and in AMD CPUs "
        "since Excavator 2015), which the engine is compiled for; run it on a newer machine.\n";
    const ssize_t written = write(2, message, sizeof message - 1);
    _exit(written < 0 ? 2 : 1);
  }
}

bool is_intel() {
  const CpuId zero = cpuid(0);
  return zero.b == 0x756e6547u && zero.d == 0x49656e69u && zero.c == 0x6c65746eu;  // "GenuineIntel"
}

bool has_avx512() {
  const CpuId seven = cpuid(7);
  return (saved_state() & 0xe6u) == 0xe6u && bit(seven.b, 16) /* F */ && bit(seven.b, 17) /* DQ */ &&
         bit(seven.b, 28) /* CD */ && bit(seven.b, 30) /* BW */ && bit(seven.b, 31) /* VL */;
}

/** OpenBLAS names its kernels after CPUs. It does not know those that are newer than itself: 0.3.21 takes a Sapphire Rapids
    for a Prescott, and training runs at a quarter of its speed. Every CPU that gets here can run Haswell's; SkylakeX's gain
    on Intel's AVX-512 (1,840 tokens/s against 1,440 in a run of models/tiny-python on two cores), not on AMD's, which
    computes 512 bits in two halves. What the user has set stays; ensure_correct_blas checks the choice. */
__attribute__((constructor(102))) void choose_blas_kernels() {
  setenv("OPENBLAS_CORETYPE", is_intel() && has_avx512() ? "SkylakeX" : "Haswell", 0);
}

}  // namespace
