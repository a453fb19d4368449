const NINE = 0x39;
const ZERO = 0x30;

const heads = (["step", "telemetry"] as const).map((type) => ({
  type,
  head: Buffer.from(`{"type":"${type}","time":`),
}));
const beforeAttempt = Buffer.from(',"attempt":');
const behindAttempt = Buffer.from(",");

/**
 * What the line from `start` on tells, where it is of what is measured at each step and of this attempt, written as the
 * engine writes it: `{"type":"step","time":1795000000000,"attempt":1,`. Of a run's lines nearly all are, and they are
 * told by these bytes alone; any other line is undefined and has to be parsed.
 */
export function measurementAt(bytes: Buffer, start: number, attempt: number): "step" | "telemetry" | undefined {
  for (const { type, head } of heads) {
    const time = behind(bytes, start, head);
    if (time === -1) continue;
    const number = behind(bytes, behindDigits(bytes, time), beforeAttempt);
    const end = number === -1 ? -1 : behindDigits(bytes, number);
    const is = end !== -1 && behind(bytes, end, behindAttempt) !== -1 && numberAt(bytes, number, end) === attempt;
    return is ? type : undefined;
  }
  return undefined;
}

/** Where `part` ends, if it is what stands there; else -1. */
function behind(bytes: Buffer, start: number, part: Buffer): number {
  for (let index = 0; index < part.length; index++) if (bytes[start + index] !== part[index]) return -1;
  return start + part.length;
}

function behindDigits(bytes: Buffer, start: number): number {
  let end = start;
  while (bytes[end]! >= ZERO && bytes[end]! <= NINE) end++;
  return end;
}

function numberAt(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) value = value * 10 + bytes[index]! - ZERO;
  return value;
}
