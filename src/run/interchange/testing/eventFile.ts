/**
 * A reader of TensorBoard's event files, written from the public formats (TFRecord's framing; event.proto, summary.proto
 * and tensor.proto of TensorFlow) and sharing nothing with the engine that writes them. Throws at whatever is not right.
 */

export interface TensorBoardEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  fileVersion: string | undefined;
  /** SessionLog.SessionStatus; 1 is START. */
  sessionStatus: number | undefined;
  values: { tag: string; scalar: number | undefined; text: string | undefined; plugin: string | undefined }[];
}

export function readEventFile(bytes: Buffer): TensorBoardEvent[] {
  const events: TensorBoardEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (bytes.readUInt32LE(at + 8) !== maskedCrc(bytes.subarray(at, at + 8))) throw new Error(`length at ${at}`);
    if (bytes.readUInt32LE(at + 12 + length) !== maskedCrc(data)) throw new Error(`data at ${at}`);
    events.push(eventOf(data));
    at += 16 + length;
  }
  return events;
}

/** What TensorBoard shows of a folder's files in the order of their names: a START voids its step and later ones. */
export function readScalars(files: readonly Buffer[]): Map<string, Map<number, number>> {
  const series = new Map<string, Map<number, number>>();
  for (const event of files.flatMap(readEventFile)) {
    if (event.sessionStatus === 1) {
      for (const points of series.values()) {
        for (const step of [...points.keys()]) if (step >= event.step) points.delete(step);
      }
    }
    for (const { tag, scalar } of event.values) {
      if (scalar === undefined) continue;
      const points = series.get(tag) ?? new Map<number, number>();
      series.set(tag, points);
      if (points.has(event.step)) throw new Error(`${tag} has step ${event.step} twice`);
      points.set(event.step, scalar);
    }
  }
  return series;
}

/** Bit by bit: slow, and with no table to be wrong. */
function maskedCrc(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

type Field = { number: number; integer: bigint } | { number: number; bytes: Buffer; type: 1 | 2 | 5 };

function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    const type = key & 7;
    if (type === 0) {
      fields.push({ number, integer: varint() });
      continue;
    }
    if (type !== 1 && type !== 2 && type !== 5) throw new Error(`wire type ${type}`);
    const length = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
    if (at + length > message.length) throw new Error("a field goes beyond its message");
    fields.push({ number, type, bytes: message.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

function integerIn(message: Buffer, number: number): number | undefined {
  const field = fieldsOf(message).find((candidate) => candidate.number === number);
  return field !== undefined && "integer" in field ? Number(field.integer) : undefined;
}

function allBytesIn(message: Buffer, number: number, type: 1 | 2 | 5): Buffer[] {
  return fieldsOf(message).flatMap((field) =>
    field.number === number && "bytes" in field && field.type === type ? [field.bytes] : [],
  );
}

/** Down a path of nested messages. */
function bytesIn(message: Buffer, ...path: number[]): Buffer | undefined {
  return path.reduce<Buffer | undefined>((inner, number) => inner && allBytesIn(inner, number, 2)[0], message);
}

function eventOf(data: Buffer): TensorBoardEvent {
  const [wallTime] = allBytesIn(data, 1, 1);
  if (wallTime === undefined) throw new Error("an event without wall_time");
  const session = bytesIn(data, 7);
  const summary = bytesIn(data, 5);
  return {
    wallTime: wallTime.readDoubleLE(),
    step: integerIn(data, 2) ?? 0,
    fileVersion: bytesIn(data, 3)?.toString("utf8"),
    sessionStatus: session === undefined ? undefined : integerIn(session, 1),
    values: summary === undefined ? [] : allBytesIn(summary, 1, 2).map(summaryValue),
  };
}

function summaryValue(value: Buffer): TensorBoardEvent["values"][number] {
  const tag = bytesIn(value, 1);
  if (tag === undefined) throw new Error("a value without a tag");
  return {
    tag: tag.toString("utf8"),
    scalar: allBytesIn(value, 2, 5)[0]?.readFloatLE(),
    text: bytesIn(value, 8, 8)?.toString("utf8"),
    plugin: bytesIn(value, 9, 1, 1)?.toString("utf8"),
  };
}
