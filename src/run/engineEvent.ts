import type { EngineEvent } from "../protocol/engine";

type Kind =
  | "number"
  | "integer"
  | "string"
  | "boolean"
  | "integers"
  | "number or null"
  | "string or absent"
  | "number or absent"
  | "boolean or absent";
type Shape<T> = { [K in Exclude<keyof T, "type" | "time" | "attempt">]-?: Kind };
type EventOf<T extends EngineEvent["type"]> = Extract<EngineEvent, { type: T }>;

/** One entry a type of event; the compiler keeps it complete. */
const shapes: { [T in EngineEvent["type"]]: Shape<EventOf<T>> } = {
  start: {
    engine: "string",
    pid: "integer",
    device: "string",
    deviceName: "string or absent",
    threads: "integer",
    resumedFrom: "integer",
    totalSteps: "integer",
  },
  plan: {
    recompute: "string",
    quantization: "string or absent",
    microBatch: "integer",
    usableBytes: "number or absent",
    forecastBytes: "number",
    weightBytes: "number",
    adapterBytes: "number",
    activationBytes: "number",
    savedBytes: "number or absent",
    workingBytes: "number or absent",
    headBytes: "number or absent",
    scratchBytes: "number or absent",
    parameters: "number",
    trainableParameters: "number",
  },
  memory: { usedBytes: "number", forecastBytes: "number" },
  step: {
    step: "integer",
    loss: "number",
    learningRate: "number",
    gradientNorm: "number",
    tokens: "integer",
    targets: "integer",
    seconds: "number",
  },
  telemetry: {
    step: "integer",
    tokensPerSecond: "number",
    memoryUsed: "number",
    memoryTotal: "number",
    utilisation: "number or null",
    temperature: "number or null",
    watts: "number or null",
  },
  eval: { step: "integer", loss: "number", targets: "integer", best: "boolean or absent" },
  sample: { step: "integer", prompt: "string", base: "boolean", ids: "integers", ended: "boolean" },
  "learning-rate": { step: "integer", learningRate: "number" },
  "row-losses": { step: "integer", pass: "integer", path: "string" },
  checkpoint: { step: "integer", path: "string", best: "boolean or absent" },
  paused: { step: "integer" },
  resumed: { step: "integer" },
  warning: { code: "string", message: "string" },
  error: { code: "string", message: "string" },
  done: {
    reason: "string",
    step: "integer",
    totalSteps: "integer",
    evalLossBefore: "number or null",
    evalLossAfter: "number or null",
    tokens: "integer",
    seconds: "number",
    early: "boolean or absent",
    adapterStep: "number or absent",
  },
};

const fieldsOf = new Map(Object.entries(shapes).map(([type, shape]) => [type, Object.entries<Kind>(shape)]));

/** The event of one line, or undefined where the line is not one. Fields that are not known are let through. */
export function parseEngineEvent(line: string): EngineEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEngineEvent(value) ? value : undefined;
}

function isEngineEvent(value: unknown): value is EngineEvent {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  const { type, time, attempt, reason } = fields;
  const kinds = typeof type === "string" ? fieldsOf.get(type) : undefined;
  if (kinds === undefined) return false;
  if (!fits(time, "number") || !fits(attempt, "integer") || (attempt as number) < 1) return false;
  if (type === "done" && reason !== "finished" && reason !== "stopped") return false;
  return kinds.every(([name, kind]) => fits(fields[name], kind));
}

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "string or absent":
      return value === undefined || typeof value === "string";
    case "number or absent":
      return value === undefined || Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "boolean or absent":
      return value === undefined || typeof value === "boolean";
    case "integers":
      return Array.isArray(value) && value.every((item) => fits(item, "integer"));
    case "number":
      return Number.isFinite(value);
    case "number or null":
      return value === null || Number.isFinite(value);
    case "integer":
      return Number.isSafeInteger(value) && (value as number) >= 0;
  }
}
