import type { RunPageState } from "../../src/protocol/webview";
import { curveLook } from "./curveLook";

/** As much as can be asked; src/extension/panels/samplesMessages.ts takes no more. */
const MOST_TYPED = 20_000;
const MOST_SAMPLES = 64;
const MOST_ID = 64;

/**
 * How a person left a run's page: VS Code throws a page away whenever its tab is left. Each part of the page keeps its
 * own in it, and begins with what is there.
 */
export class KeptPage {
  #state: RunPageState;

  /** `kept`: what an earlier life of the page left, if it did, perhaps in an earlier version. */
  constructor(
    kept: unknown,
    totalSteps: number,
    private readonly save: (state: RunPageState) => void,
  ) {
    this.#state = runPageState(kept, totalSteps);
    save(this.#state);
  }

  get state(): Readonly<RunPageState> {
    return this.#state;
  }

  keep(changes: Partial<RunPageState>): void {
    this.#state = { ...this.#state, ...changes };
    this.save({ ...this.#state, asking: typed(this.#state.asking), pinning: typed(this.#state.pinning) });
  }
}

/** Of what was kept, all that can be used. */
export function runPageState(kept: unknown, totalSteps: number): RunPageState {
  const { curves, zoom, asking, pinning, sampleSteps } = fieldsOf(kept);
  return {
    curves: curveLook(fieldsOf(curves)),
    zoom: zoomOf(zoom, totalSteps),
    asking: typed(asking),
    pinning: typed(pinning),
    sampleSteps: Array.isArray(sampleSteps) ? sampleSteps.slice(0, MOST_SAMPLES).filter(isSampleStep) : [],
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function typed(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MOST_TYPED) : "";
}

function zoomOf(value: unknown, totalSteps: number): RunPageState["zoom"] {
  const { from, to } = fieldsOf(value);
  return isStep(from) && isStep(to) && from < to && to <= totalSteps ? { from, to } : null;
}

function isSampleStep(value: unknown): value is [string, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [id, step] = value as unknown[];
  return typeof id === "string" && id.length <= MOST_ID && isStep(step);
}

function isStep(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
