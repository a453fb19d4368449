import type { ProviderChoice } from "../protocol/worker";
import { type ProviderRecord, readProviderRecord, writeProviderRecord } from "./providerRecord";

/** Execution providers that are tried beside the CPU's, by onnxruntime's names. */
const KNOWN = ["cuda", "dml", "coreml", "webgpu"];
/** The measurement: a prompt of so many tokens and so many new ones, as at a key. */
const PROMPT_TOKENS = 48;
const NEW_TOKENS = 12;
/** Of several measurements the fastest counts. */
const ROUNDS = 2;
/** Another provider must need less than this share of the CPU's time: it takes memory that others want. */
const WORTH = 0.9;
/** Relative difference of the logits from the CPU's: other roundings of 4 and 8 bits stay below, wrong results do not. */
const LARGEST_DIFFERENCE = 0.2;

/** What the choice needs of a model. */
export interface MeasurableModel {
  readonly shape: { vocabularySize: number };
  lastLogits(prompt: readonly number[]): Promise<Float32Array>;
  generate(prompt: readonly number[], options: { maxTokens: number }): Promise<unknown>;
  reset(): void;
  release(): Promise<void>;
}

/** onnxruntime as the choice sees it. */
export interface ProviderRuntime<M extends MeasurableModel> {
  version: string;
  /** Names of the providers that this build can try, `cpu` among them. */
  listed: readonly string[];
  load(provider: string): Promise<M>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}

export interface PlacedModel<M> {
  model: M;
  provider: string;
  notTaken: { provider: string; reason: string }[];
}

/** Loads the model where `choice` says; on the CPU where that does not work, with the reason in `notTaken`. */
export async function placeModel<M extends MeasurableModel>(
  exportDir: string,
  choice: ProviderChoice,
  runtime: ProviderRuntime<M>,
): Promise<PlacedModel<M>> {
  const listed = KNOWN.filter((provider) => runtime.listed.includes(provider));
  if (choice === "cpu" || (choice === "auto" && listed.length === 0)) {
    return { model: await runtime.load("cpu"), provider: "cpu", notTaken: [] };
  }
  const found = await readProviderRecord(exportDir);
  const current = found !== null && found.onnxruntime === runtime.version && sameNames(found.listed, listed);
  const record: ProviderRecord = current ? found : emptyRecord(runtime.version, listed);
  if (record.trying !== null) giveUp(record, record.trying, "the completion worker ended while it was tried");
  const placing = new Placing(exportDir, record, runtime);
  return choice === "auto" ? placing.fastest(listed) : placing.only(choice, listed);
}

class Placing<M extends MeasurableModel> {
  constructor(
    private readonly exportDir: string,
    private readonly record: ProviderRecord,
    private readonly runtime: ProviderRuntime<M>,
  ) {}

  async only(provider: string, listed: readonly string[]): Promise<PlacedModel<M>> {
    if (!listed.includes(provider)) {
      giveUp(this.record, provider, `onnxruntime ${this.runtime.version} has no such provider for this system`);
      return this.onCpu([provider]);
    }
    // What failed by itself may have been mended since; what ended the process is not tried again.
    this.record.notTaken = this.record.notTaken.filter((one) => one.provider !== provider || ended(one.reason));
    const model = this.isGivenUp(provider)
      ? null
      : await this.attempt(provider, (candidate) => this.measure(candidate));
    await this.save();
    return model === null ? this.onCpu([provider]) : { model, provider, notTaken: [] };
  }

  /** What was measured before, or what is measured now. */
  async fastest(listed: readonly string[]): Promise<PlacedModel<M>> {
    const { record } = this;
    if (record.provider !== null && record.provider !== "cpu" && !this.isGivenUp(record.provider)) {
      const model = await this.attempt(record.provider, (candidate) => this.measure(candidate));
      await this.save();
      if (model !== null) return { model, provider: record.provider, notTaken: record.notTaken };
      record.provider = null;
    }
    if (record.provider === "cpu") return this.onCpu(listed);
    return this.measureAll(listed);
  }

  private async measureAll(listed: readonly string[]): Promise<PlacedModel<M>> {
    const { record, runtime } = this;
    let best: { model: M; provider: string } = { model: await runtime.load("cpu"), provider: "cpu" };
    const expected = await logitsOf(best.model);
    record.milliseconds.cpu = await this.measure(best.model);
    for (const provider of listed) {
      if (this.isGivenUp(provider)) continue;
      let milliseconds = 0;
      const model = await this.attempt(provider, async (candidate) => {
        const difference = relativeDifference(await logitsOf(candidate), expected);
        if (!(difference < LARGEST_DIFFERENCE)) throw new Error("its results differ from the CPU's");
        milliseconds = await this.measure(candidate);
      });
      if (model === null) continue;
      record.milliseconds[provider] = milliseconds;
      const before = record.milliseconds[best.provider]!;
      if (milliseconds < (best.provider === "cpu" ? WORTH * before : before)) {
        if (best.provider !== "cpu") giveUp(record, best.provider, slower(before, provider, milliseconds));
        await best.model.release();
        best = { model, provider };
      } else {
        giveUp(record, provider, slower(milliseconds, best.provider, before));
        await model.release();
      }
    }
    record.provider = best.provider;
    best.model.reset();
    await this.save();
    return { ...best, notTaken: record.notTaken };
  }

  /** The model on this provider if `check` is content with it. */
  private async attempt(provider: string, check: (model: M) => Promise<unknown>): Promise<M | null> {
    this.record.trying = provider;
    await this.save();
    let model: M | null = null;
    try {
      model = await this.runtime.load(provider);
      await check(model);
      model.reset();
      return model;
    } catch (error) {
      giveUp(this.record, provider, reasonOf(error));
      await model?.release();
      return null;
    } finally {
      this.record.trying = null;
    }
  }

  /** Milliseconds from a prompt to the last new token, at best. */
  private async measure(model: M): Promise<number> {
    const prompt = promptFor(model);
    let best = Number.POSITIVE_INFINITY;
    // The first round pays for preparations.
    for (let round = 0; round <= ROUNDS; ++round) {
      model.reset();
      const start = this.runtime.now();
      await model.generate(prompt, { maxTokens: NEW_TOKENS });
      if (round > 0) best = Math.min(best, this.runtime.now() - start);
    }
    return best;
  }

  private async onCpu(asked: readonly string[]): Promise<PlacedModel<M>> {
    const notTaken = this.record.notTaken.filter(({ provider }) => asked.includes(provider));
    return { model: await this.runtime.load("cpu"), provider: "cpu", notTaken };
  }

  private isGivenUp(provider: string): boolean {
    return this.record.notTaken.some((one) => one.provider === provider);
  }

  private save(): Promise<void> {
    return writeProviderRecord(this.exportDir, this.record);
  }
}

function emptyRecord(onnxruntime: string, listed: string[]): ProviderRecord {
  return { version: 1, onnxruntime, listed, provider: null, milliseconds: {}, notTaken: [], trying: null };
}

function giveUp(record: ProviderRecord, provider: string, reason: string): void {
  record.notTaken = [...record.notTaken.filter((one) => one.provider !== provider), { provider, reason }];
}

function ended(reason: string): boolean {
  return reason.startsWith("the completion worker ended");
}

function slower(milliseconds: number, than: string, other: number): string {
  return `${Math.round(milliseconds)} ms for the measurement, and ${than} needs ${Math.round(other)} ms`;
}

/** The cause alone, without the advice for a model that is damaged. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").slice(0, 300);
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

/** Token ids all over the vocabulary. */
function promptFor({ shape: { vocabularySize } }: MeasurableModel): number[] {
  return Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919 + 1) % vocabularySize);
}

function logitsOf(model: MeasurableModel): Promise<Float32Array> {
  return model.lastLogits(promptFor(model));
}

/** ‖a − b‖ / ‖b‖; NaN and infinity count as different. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let size = 0;
  b.forEach((value, i) => {
    difference += (a[i]! - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size);
}
