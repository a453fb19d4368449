#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace tunesmith {

/** Elements that one thread loads and stores at once: 16 bytes, the widest access, unless a shape or an address allows
    single elements alone (kElements 1). */
template <class T, int kElements = 16 / static_cast<int>(sizeof(T))>
struct alignas(kElements * sizeof(T)) Pack {
  static constexpr int kCount = kElements;
  T value[kCount];
};

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float to_float(__half x) { return __half2float(x); }
template <class T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) { return x; }
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) { return __float2bfloat16_rn(x); }

/** A pack as the registers have it: what one access moves, and what a thread keeps. A Pack that is kept, or copied as the
    struct it is, the compiler takes apart: a register an element, a store an element. */
template <class T, int kElements = Pack<T>::kCount>
using Word = std::conditional_t<kElements * sizeof(T) == 16, uint4,
                                std::conditional_t<kElements * sizeof(T) == 4, uint32_t, uint16_t>>;

template <class T, int kElements = Pack<T>::kCount>
__device__ Word<T, kElements> load_word(const T* p) {
  return *reinterpret_cast<const Word<T, kElements>*>(p);
}
template <class T, int kElements = Pack<T>::kCount>
__device__ Pack<T, kElements> unpack(const Word<T, kElements>& word) {
  return __builtin_bit_cast(Pack<T, kElements>, word);
}
template <class T, int kElements = Pack<T>::kCount>
__device__ Pack<T, kElements> load_pack(const T* p) {
  return unpack<T, kElements>(load_word<T, kElements>(p));
}
template <class T, int kElements>
__device__ void store_pack(T* p, const Pack<T, kElements>& pack) {
  *reinterpret_cast<Pack<T, kElements>*>(p) = pack;
}
/** store_pack for global memory alone, certainly one access. */
template <class T, int kElements>
__device__ void store_global(T* p, const Pack<T, kElements>& pack) {
  if constexpr (sizeof(pack) == sizeof(uint4)) {
    const uint4 word = __builtin_bit_cast(uint4, pack);
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(__cvta_generic_to_global(p)), "r"(word.x), "r"(word.y), "r"(word.z), "r"(word.w)
                 : "memory");
  } else {
    store_pack(p, pack);
  }
}

/** For a word that is unpacked twice, before the second time: without it the compiler keeps the first time's float32 values,
    which for bfloat16 are twice the registers. */
__device__ inline void keep_packed(uint4& word) {
  asm volatile("" : "+r"(word.x), "+r"(word.y), "+r"(word.z), "+r"(word.w));
}
template <class Single>
__device__ void keep_packed(Single&) {}

/** The pack of `x` rounded; bfloat16 in pairs, which one instruction rounds and joins. */
template <class T, int kElements>
__device__ Pack<T, kElements> round_pack(const float (&x)[kElements]) {
  Pack<T, kElements> pack;
  if constexpr (std::is_same_v<T, __nv_bfloat16> && kElements % 2 == 0) {
#pragma unroll
    for (int k = 0; k < kElements; k += 2) {
      const __nv_bfloat162 pair = __floats2bfloat162_rn(x[k], x[k + 1]);
      pack.value[k] = pair.x;
      pack.value[k + 1] = pair.y;
    }
  } else {
#pragma unroll
    for (int k = 0; k < kElements; ++k) pack.value[k] = from_float<T>(x[k]);
  }
  return pack;
}

/** Whether rows of `width` elements, each beginning a multiple of `width` behind one of the addresses, split into packs of
    16 bytes. */
template <class T, class... Address>
bool splits_into_packs(int64_t width, const Address*... first) {
  return width % Pack<T>::kCount == 0 && ((reinterpret_cast<uintptr_t>(first) % sizeof(Pack<T>) == 0) && ...);
}

/** Calls `work` with the number of elements of a pack, a compile-time constant: 16 bytes of them where `whole`, else one. */
template <class T, class Work>
void for_pack_size(bool whole, const Work& work) {
  if (whole) {
    work(std::integral_constant<int, Pack<T>::kCount>());
  } else {
    work(std::integral_constant<int, 1>());
  }
}

/** 2^x to 2 units in the last place, in one instruction. */
__device__ inline float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/** 1 / (1 + e^-x), as exact as elements of type T can show. */
template <class T>
__device__ float sigmoid(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return 1.0f / (1.0f + expf(-x));
  } else {
    // A divisor beyond 2^126 gives 0, which is the limit.
    return __fdividef(1.0f, 1.0f + fast_exp2(x * -1.44269504f));
  }
}

template <class Real>
__device__ Real warp_sum(Real x) {
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
  return x;
}
__device__ inline float warp_max(float x) {
  for (int distance = 16; distance > 0; distance /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, distance));
  return x;
}

/** Sum over a block of whole warps, the same on every thread; `shared` holds 32 numbers and may be used again after the
    call. */
template <class Real>
__device__ Real block_sum(Real x, Real* shared) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = (blockDim.x + 31) / 32;
  x = warp_sum(x);
  if (lane == 0) shared[warp] = x;
  __syncthreads();
  x = warp_sum(lane < warps ? shared[lane] : Real{0});
  __syncthreads();
  return x;
}

}  // namespace tunesmith
