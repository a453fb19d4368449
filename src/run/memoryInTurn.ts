import type { RunSpec } from "../protocol/run";
import type { RunHead } from "../protocol/webview";

/** A run that another one waits for. */
export interface RunAhead {
  device: RunSpec["device"];
  head: Pick<RunHead, "device" | "memory">;
}

/**
 * Bytes that a plan may use once the runs ahead of it have ended, of `usable` now: what they take is free then. `limit`: of
 * the plan itself, bytes; null: none.
 */
export function usableInTurn(
  { device, limit }: { device: RunSpec["device"]; limit: number | null },
  usable: number,
  ahead: readonly RunAhead[],
): number {
  const freed = ahead.filter((run) => sharesMemory(device, run)).map(({ head: { memory } }) => memory);
  const all = freed.reduce((sum, memory) => sum + (memory?.used ?? memory?.forecast ?? 0), usable);
  return limit === null ? all : Math.min(all, limit);
}

/** A plan that leaves the device open goes to a GPU where there is one. */
function sharesMemory(device: RunSpec["device"], ahead: RunAhead): boolean {
  const onGpu = ahead.head.device?.startsWith("cuda") ?? false;
  if (device === "auto") return onGpu || ahead.device === "auto";
  return onGpu === (device === "cuda");
}
