import type { CurveMark, MarkKind, SeriesName } from "../protocol/curveView";
import type {
  CheckpointEvent,
  DoneEvent,
  EngineEvent,
  ErrorEvent,
  EvalEvent,
  LearningRateEvent,
  MemoryEvent,
  PlanEvent,
  RowLossesEvent,
  SampleEvent,
  StartEvent,
  StepEvent,
  TelemetryEvent,
  WarningEvent,
} from "../protocol/engine";
import type { RunSnapshot } from "../protocol/webview";
import { Series } from "./series";

/** Enough to name the causes; an engine that warns at every step must not fill the memory. */
const MAX_WARNINGS = 100;
/** The newest are kept, whoever writes the events: of samples, by number and by the tokens in them. */
const MAX_SAMPLES = 1000;
const MAX_SAMPLE_TOKENS = 1 << 20;
const MAX_EVENTS_OF_A_KIND = 1000;
/** More marks than a picture has room for. */
const MAX_MARKS = 5000;
const MAX_MARK_TEXT = 500;
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
  /** When the present attempt began, or went on after a pause; milliseconds since 1970. */
  computesSince = 0;
  /** The attempt's last event, where it is one that ends it. */
  end: ErrorEvent | DoneEvent | undefined;
  warnings: WarningEvent[] = [];
  evalLossBefore: number | null = null;
  /** The answers to pinned prompts, in the events' order; the base model's hold for all attempts. */
  samples: SampleEvent[] = [];
  rowLosses: RowLossesEvent[] = [];
  learningRateChanges: LearningRateEvent[] = [];
  /** The step of the lowest held-out loss so far; null: none was called the best. */
  bestStep: number | null = null;
  /** That of the checkpoint which is kept as the best. */
  bestCheckpointStep: number | null = null;
  readonly series: Readonly<Record<SeriesName, Series>> = {
    loss: new Series(),
    evalLoss: new Series(),
    learningRate: new Series(),
    gradientNorm: new Series(),
    tokensPerSecond: new Series(),
    memory: new Series(),
    utilisation: new Series(),
    temperature: new Series(),
  };
  /** What happened at which step, in the events' order. */
  marks: CurveMark[] = [];
  /** Counts what was voided or thinned out: appended points alone no longer tell how the curves have changed. */
  revision = 0;
  /** Counts the events that counted. */
  version = 0;
  #sampleTokens = 0;
  #pace = new Pace();
  /** Up to each step: the run's tokens and seconds so far. */
  readonly #work = { tokens: new Series(), seconds: new Series() };

  /** The losses as points; made anew at each call. */
  get curve(): Curve {
    return {
      loss: this.series.loss.points(),
      evalLoss: this.series.evalLoss.points(),
      checkpoints: [...new Set(this.marks.filter(({ kind }) => kind === "checkpoint").map(({ step }) => step))],
    };
  }

  add(event: EngineEvent): void {
    // A late line of an earlier attempt says nothing about the present one.
    if (event.attempt < this.attempt) return;
    if (event.attempt > this.attempt) this.#newAttempt(event);
    this.version++;
    switch (event.type) {
      case "start":
        this.#onStart(event);
        return;
      case "plan":
        this.plan = event;
        return;
      case "memory":
        this.memory = event;
        this.#put("memory", this.step, event.usedBytes);
        return;
      case "telemetry":
        this.#onTelemetry(event);
        return;
      case "step":
        this.#onStep(event);
        return;
      case "eval":
        this.#onEval(event);
        return;
      case "checkpoint":
        this.#onCheckpoint(event);
        return;
      case "sample":
        this.#onSample(event);
        return;
      case "learning-rate":
        keepNewest(this.learningRateChanges, event, MAX_EVENTS_OF_A_KIND);
        this.#mark("learning-rate", event.step, String(event.learningRate));
        return;
      case "row-losses":
        keepNewest(this.rowLosses, event, MAX_EVENTS_OF_A_KIND);
        return;
      case "paused":
      case "resumed":
        this.paused = event.type === "paused";
        this.computesSince = event.time;
        this.#mark(event.type, event.step);
        this.#pace.interrupt();
        return;
      case "warning":
        if (this.warnings.length >= MAX_WARNINGS) return;
        this.warnings.push(event);
        this.#mark("warning", this.step, event.message);
        return;
      case "error":
      case "done":
        this.#onEnd(event);
        return;
    }
  }

  get loss(): number | null {
    return this.series.loss.lastValue;
  }

  get evalLoss(): number | null {
    return this.series.evalLoss.lastValue;
  }

  /** Smoothed; the whole run's mean once it has finished. */
  get tokensPerSecond(): number | null {
    if (this.end?.type === "done" && this.end.seconds > 0) return this.end.tokens / this.end.seconds;
    return this.#pace.tokensPerSecond;
  }

  /** Tokens and seconds of the steps that count, over all attempts; null before the first. */
  get work(): Work | null {
    if (this.end?.type === "done") return { tokens: this.end.tokens, seconds: this.end.seconds };
    const tokens = this.#work.tokens.lastValue;
    const seconds = this.#work.seconds.lastValue;
    return tokens === null || seconds === null ? null : { tokens, seconds };
  }

  get secondsLeft(): number | null {
    const perStep = this.#pace.secondsPerStep;
    return perStep === null || this.end !== undefined ? null : Math.max(0, this.totalSteps - this.step) * perStep;
  }

  #newAttempt(event: EngineEvent): void {
    this.attempt = event.attempt;
    this.paused = false;
    this.computesSince = event.time;
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
    if (event.resumedFrom > 0) this.#mark("attempt", event.resumedFrom);
  }

  #voidAfter(step: number): void {
    const { loss, evalLoss, ...others } = this.series;
    let voided = loss.truncateAfter(step);
    for (const sum of Object.values(this.#work)) sum.truncateAfter(step);
    // Step 0 of a fresh start is evaluated again.
    const last = step > 0 ? step : -1;
    for (const series of [evalLoss, ...Object.values(others)]) voided = series.truncateAfter(last) || voided;
    const marks = this.marks.length;
    const counts = (item: { step: number }) => item.step <= last;
    this.marks = this.marks.filter(counts);
    if (voided || this.marks.length < marks) this.revision++;
    if (this.checkpoint !== undefined && this.checkpoint.step > step) this.checkpoint = undefined;
    this.learningRateChanges = this.learningRateChanges.filter(counts);
    this.rowLosses = this.rowLosses.filter(counts);
    // What the base model answers does not depend on the attempt.
    this.samples = this.samples.filter((sample) => sample.base || counts(sample));
    this.#sampleTokens = this.samples.reduce((sum, sample) => sum + sample.ids.length, 0);
    this.bestStep = this.#lastMarked("best");
    this.bestCheckpointStep = this.marks.findLast((mark) => mark.kind === "checkpoint" && mark.best)?.step ?? null;
  }

  #lastMarked(kind: MarkKind): number | null {
    return this.marks.findLast((mark) => mark.kind === kind)?.step ?? null;
  }

  #mark(kind: MarkKind, step: number, text?: string): void {
    const words = text === undefined ? {} : { text: text.slice(0, MAX_MARK_TEXT) };
    if (this.marks.length < MAX_MARKS) this.marks.push({ kind, step, ...words });
  }

  #put(name: SeriesName, step: number, value: number): void {
    if (this.series[name].add(step, value)) this.revision++;
  }

  #onStep(event: StepEvent): void {
    if (event.step <= this.step) return;
    this.step = event.step;
    this.#pace.add(event);
    const { tokens, seconds } = this.#work;
    tokens.add(event.step, (tokens.lastValue ?? 0) + event.tokens);
    seconds.add(event.step, (seconds.lastValue ?? 0) + event.seconds);
    this.#put("loss", event.step, event.loss);
    this.#put("learningRate", event.step, event.learningRate);
    this.#put("gradientNorm", event.step, event.gradientNorm);
    if (event.seconds > 0) this.#put("tokensPerSecond", event.step, event.tokens / event.seconds);
  }

  /** Several of one step: the first is drawn, the last is told. */
  #onTelemetry(event: TelemetryEvent): void {
    this.telemetry = event;
    this.#put("memory", event.step, event.memoryUsed);
    if (event.utilisation !== null) this.#put("utilisation", event.step, event.utilisation);
    if (event.temperature !== null) this.#put("temperature", event.step, event.temperature);
  }

  #onEval(event: EvalEvent): void {
    if (event.step === 0) this.evalLossBefore = event.loss;
    this.#put("evalLoss", event.step, event.loss);
    if (event.best !== true) return;
    this.bestStep = event.step;
    this.#mark("best", event.step);
  }

  #onCheckpoint(event: CheckpointEvent): void {
    this.checkpoint = event;
    const best = event.best === true;
    if (best) this.bestCheckpointStep = event.step;
    if (this.marks.length < MAX_MARKS)
      this.marks.push({ kind: "checkpoint", step: event.step, ...(best ? { best } : {}) });
  }

  #onSample(event: SampleEvent): void {
    this.samples.push(event);
    this.#sampleTokens += event.ids.length;
    while (this.samples.length > MAX_SAMPLES || (this.#sampleTokens > MAX_SAMPLE_TOKENS && this.samples.length > 1)) {
      const tuned = this.samples.findIndex((sample) => !sample.base);
      const [dropped] = this.samples.splice(Math.max(0, tuned), 1);
      this.#sampleTokens -= dropped!.ids.length;
    }
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

function keepNewest<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
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
