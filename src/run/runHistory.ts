import type {
  CheckpointEvent,
  DoneEvent,
  EngineEvent,
  ErrorEvent,
  EvalEvent,
  MemoryEvent,
  PlanEvent,
  StartEvent,
  StepEvent,
  TelemetryEvent,
  WarningEvent,
} from "../protocol/engine";
import type { Point, RunSnapshot } from "../protocol/webview";

/** Enough to name the causes; an engine that warns at every step must not fill the memory. */
const MAX_WARNINGS = 100;
/** Weight of the newest step in the smoothed pace. */
const PACE_WEIGHT = 0.1;

export type Curve = RunSnapshot["curve"];

interface Work {
  tokens: number;
  seconds: number;
}

/**
 * What the events say, over all attempts: an attempt goes on from a checkpoint, and what earlier attempts reported of
 * later steps is void.
 */
export class RunHistory {
  /** Highest attempt seen; 0: the engine has never spoken. */
  attempt = 0;
  start: StartEvent | undefined;
  plan: PlanEvent | undefined;
  memory: MemoryEvent | undefined;
  /** The last reading of the present attempt. */
  telemetry: TelemetryEvent | undefined;
  step = 0;
  totalSteps = 0;
  checkpoint: CheckpointEvent | undefined;
  paused = false;
  /** The attempt's last event, where it is one that ends it. */
  end: ErrorEvent | DoneEvent | undefined;
  warnings: WarningEvent[] = [];
  evalLossBefore: number | null = null;
  readonly curve: Curve = { loss: [], evalLoss: [], checkpoints: [] };
  /** Counts what was voided: appended points alone no longer tell the curve where it has changed. */
  revision = 0;
  #pace = new Pace();
  /** Up to each point of `curve.loss`: the run's tokens and seconds so far. */
  #work: Work[] = [];

  add(event: EngineEvent): void {
    // A late line of an earlier attempt says nothing about the present one.
    if (event.attempt < this.attempt) return;
    if (event.attempt > this.attempt) this.#newAttempt(event);
    switch (event.type) {
      case "start":
        this.#onStart(event);
        return;
      case "plan":
        this.plan = event;
        return;
      case "memory":
        this.memory = event;
        return;
      case "telemetry":
        this.telemetry = event;
        return;
      case "step":
        this.#onStep(event);
        return;
      case "eval":
        this.#onEval(event);
        return;
      case "checkpoint":
        this.checkpoint = event;
        appendInOrder(this.curve.checkpoints, event.step, (step) => step);
        return;
      case "paused":
      case "resumed":
        this.paused = event.type === "paused";
        this.#pace.interrupt();
        return;
      case "warning":
        if (this.warnings.length < MAX_WARNINGS) this.warnings.push(event);
        return;
      case "error":
      case "done":
        this.#onEnd(event);
        return;
    }
  }

  get loss(): number | null {
    return this.curve.loss.at(-1)?.value ?? null;
  }

  get evalLoss(): number | null {
    return this.curve.evalLoss.at(-1)?.value ?? null;
  }

  /** Smoothed; the whole run's mean once it has finished. */
  get tokensPerSecond(): number | null {
    if (this.end?.type === "done" && this.end.seconds > 0) return this.end.tokens / this.end.seconds;
    return this.#pace.tokensPerSecond;
  }

  /** Tokens and seconds of the steps that count, over all attempts; null before the first. */
  get work(): Work | null {
    if (this.end?.type === "done") return { tokens: this.end.tokens, seconds: this.end.seconds };
    return this.#work.at(-1) ?? null;
  }

  get secondsLeft(): number | null {
    const perStep = this.#pace.secondsPerStep;
    return perStep === null || this.end !== undefined ? null : Math.max(0, this.totalSteps - this.step) * perStep;
  }

  #newAttempt(event: EngineEvent): void {
    this.attempt = event.attempt;
    this.paused = false;
    this.end = undefined;
    this.memory = undefined;
    this.telemetry = undefined;
    this.#pace = new Pace();
  }

  #onStart(event: StartEvent): void {
    this.start = event;
    this.totalSteps = event.totalSteps;
    this.step = event.resumedFrom;
    if (event.resumedFrom === 0) this.evalLossBefore = null;
    this.#voidAfter(event.resumedFrom);
  }

  #voidAfter(step: number): void {
    const { loss, evalLoss, checkpoints } = this.curve;
    // Step 0 of a fresh start is evaluated again.
    const keepsEval = (point: Point) => step > 0 && point.step <= step;
    const before = loss.length + evalLoss.length + checkpoints.length;
    this.curve.loss = loss.filter((point) => point.step <= step);
    this.#work.length = this.curve.loss.length;
    this.curve.evalLoss = evalLoss.filter(keepsEval);
    this.curve.checkpoints = checkpoints.filter((saved) => saved <= step);
    if (this.curve.loss.length + this.curve.evalLoss.length + this.curve.checkpoints.length < before) this.revision++;
    if (this.checkpoint !== undefined && this.checkpoint.step > step) this.checkpoint = undefined;
  }

  #onStep(event: StepEvent): void {
    if (event.step <= this.step) return;
    this.step = event.step;
    this.#pace.add(event);
    const { tokens, seconds } = this.#work.at(-1) ?? { tokens: 0, seconds: 0 };
    this.#work.push({ tokens: tokens + event.tokens, seconds: seconds + event.seconds });
    this.curve.loss.push({ step: event.step, value: event.loss });
  }

  #onEval(event: EvalEvent): void {
    if (event.step === 0) this.evalLossBefore = event.loss;
    appendInOrder(this.curve.evalLoss, { step: event.step, value: event.loss }, (point) => point.step);
  }

  #onEnd(event: ErrorEvent | DoneEvent): void {
    this.end = event;
    this.paused = false;
    if (event.type === "done") {
      this.evalLossBefore ??= event.evalLossBefore;
      this.totalSteps = event.totalSteps;
    }
  }
}

/** Steps come in ascending order; a repeated one is not drawn twice. */
function appendInOrder<T>(list: T[], item: T, stepOf: (item: T) => number): void {
  const last = list.at(-1);
  if (last === undefined || stepOf(last) < stepOf(item)) list.push(item);
}

/** Exponentially smoothed speed, free of the start's bias. */
class Pace {
  #weight = 0;
  #tokens = 0;
  #busySeconds = 0;
  #wallSeconds = 0;
  #lastTime: number | undefined;

  add(event: StepEvent): void {
    // Between two steps lie evaluations and checkpoints too: the time left counts them, the speed does not.
    const wall = this.#lastTime === undefined ? event.seconds : (event.time - this.#lastTime) / 1000;
    this.#lastTime = event.time;
    const keep = 1 - PACE_WEIGHT;
    this.#weight = this.#weight * keep + PACE_WEIGHT;
    this.#tokens = this.#tokens * keep + event.tokens * PACE_WEIGHT;
    this.#busySeconds = this.#busySeconds * keep + event.seconds * PACE_WEIGHT;
    this.#wallSeconds = this.#wallSeconds * keep + Math.max(wall, event.seconds) * PACE_WEIGHT;
  }

  /** The time until the next step is no measure of the pace. */
  interrupt(): void {
    this.#lastTime = undefined;
  }

  get tokensPerSecond(): number | null {
    return this.#busySeconds > 0 ? this.#tokens / this.#busySeconds : null;
  }

  get secondsPerStep(): number | null {
    return this.#weight > 0 ? this.#wallSeconds / this.#weight : null;
  }
}
