import type { TelemetryEvent } from "../protocol/engine";
import type { RunHead, RunState, Telemetry } from "../protocol/webview";
import { type EngineState, SILENCE_MS } from "./engineLock";
import type { RunHistory } from "./runHistory";
import type { StartState } from "./startMark";

/** A silence is told in steps, so that views are not drawn anew each second. */
const SILENCE_STEP_MS = 10_000;

export interface Verdict {
  state: RunState;
  /** One sentence; null unless failed. */
  cause: string | null;
}

/**
 * The true state of a run. `engine` must have been read before `history`'s last events: an engine that ends in between
 * has then written its last event already.
 */
export function judge(history: RunHistory, engine: EngineState, start: StartState): Verdict {
  const { end } = history;
  // A new attempt under way outweighs how the last one ended.
  if (engine.alive && engine.lock.attempt > history.attempt) return { state: "preparing", cause: null };
  if (start.kind === "under-way") return { state: "preparing", cause: null };
  if ((start.kind === "queued" || start.kind === "interrupted") && !engine.alive)
    return { state: "queued", cause: null };
  if (start.kind === "failed" && !engine.alive) return { state: "failed", cause: start.cause };
  if (end?.type === "error") return { state: "failed", cause: end.message };
  if (end?.type === "done") return { state: end.reason, cause: null };
  if (!engine.alive) return history.attempt === 0 ? { state: "queued", cause: null } : vanished(history);
  if (history.paused) return { state: "paused", cause: null };
  return { state: history.start?.attempt === history.attempt ? "running" : "preparing", cause: null };
}

/** No last event and no process: killed, out of memory, power cut. */
function vanished(history: RunHistory): Verdict {
  const kept =
    history.checkpoint === undefined
      ? "no checkpoint had been written yet"
      : `the checkpoint of step ${history.checkpoint.step.toLocaleString("en-US")} is kept`;
  return {
    state: "failed",
    cause: `The engine ended unexpectedly at step ${history.step.toLocaleString("en-US")}; ${kept}.`,
  };
}

export type { RunHead };

/** `silenceMs`: since the living engine's last sign of life. */
export function headOf(
  run: { id: string; name: string },
  history: RunHistory,
  verdict: Verdict,
  silenceMs = 0,
): RunHead {
  const silentSeconds = secondsOf(silenceMs);
  const moving = verdict.state === "running" && silentSeconds === null;
  const { end } = history;
  return {
    id: run.id,
    name: run.name,
    state: verdict.state,
    cause: verdict.cause,
    step: history.step,
    totalSteps: history.totalSteps,
    loss: history.loss,
    evalLoss: (end?.type === "done" ? end.evalLossAfter : null) ?? history.evalLoss,
    evalLossBefore: history.evalLossBefore,
    tokensPerSecond: history.tokensPerSecond,
    secondsLeft: moving ? history.secondsLeft : null,
    checkpointStep: history.checkpoint?.step ?? null,
    device: history.start?.device ?? null,
    deviceName: history.start?.deviceName ?? null,
    memory:
      history.plan === undefined
        ? null
        : { forecast: history.plan.forecastBytes, used: history.memory?.usedBytes ?? null },
    telemetry: moving ? telemetryOf(history.telemetry) : null,
    silentSeconds,
    preparation: null,
    inUse: false,
  };
}

/** Null where it is no longer than it may be between two heartbeats. */
function secondsOf(silenceMs: number): number | null {
  return silenceMs < SILENCE_MS ? null : Math.floor(silenceMs / SILENCE_STEP_MS) * (SILENCE_STEP_MS / 1000);
}

function telemetryOf(event: TelemetryEvent | undefined): Telemetry | null {
  if (event === undefined) return null;
  const { memoryUsed, memoryTotal, utilisation, temperature, watts } = event;
  return { memoryUsed, memoryTotal, utilisation, temperature, watts };
}

/** Whether an engine may be started on the run: it is not finished and none is at work. */
export function canResume(state: RunState): boolean {
  return state === "stopped" || state === "failed" || state === "queued";
}
