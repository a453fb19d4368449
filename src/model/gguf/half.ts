/** The float16 nearest to `value` (ties to even), as its 16 bits; beyond float16's range an infinity. */
export function halfBits(value: number): number {
  scratch.float[0] = value;
  const bits = scratch.bits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 brings the wanted bits to the end of the mantissa, rounded by the processor.
    scratch.bits[0] = magnitude;
    scratch.float[0] = scratch.float[0]! + 0.5;
    return sign | (scratch.bits[0]! - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

const scratch = (() => {
  const float = new Float32Array(1);
  return { float, bits: new Uint32Array(float.buffer) };
})();

/** The inverse. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
