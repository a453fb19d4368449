import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeAtomically } from "../disk/atomicWrite";
import { type Contract, type DataManifest, type DataSource, RUN_VERSION, type RunSpec } from "../protocol/run";
import { withCompletionSamples } from "./completionMix/withCompletionSamples";
import { type ModelLimits, makeContract, readModelLimits } from "./contract";
import { SplitWriter } from "./dataWriter";
import { makerOf } from "./pack";
import { DatasetError } from "./problem";
import {
  type DatasetPlan,
  type DocumentOptions,
  type EncodedDocument,
  planDataset,
  readDocuments,
  type SourceTally,
} from "./readDataset";
import { arrayMessage } from "./rows";
import { loadTokenizer } from "./tokenizer";

export interface Prepared {
  manifest: DataManifest;
  contract: Contract;
}

/**
 * Writes contract.json and data/ into the run directory. Until the last rename nothing that was there is touched, and
 * after a failure or a cancellation nothing new is left.
 */
export async function prepareRun(spec: RunSpec, runDir: string, options: DocumentOptions = {}): Promise<Prepared> {
  options.progress?.("Loading the tokenizer", null);
  const limits = await readModelLimits(spec.model.path);
  checkSequenceLength(spec, limits);
  const tokenizer = await loadTokenizer(spec.model.path);
  const plan = await planDataset(
    { ...spec.dataset, sequenceLength: spec.sequenceLength, seed: spec.training.seed },
    tokenizer,
    options,
  );
  for (const index of plan.sources.keys()) requireUsableRows(plan, index);
  const partial = join(runDir, "data.partial");
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const manifest = await writeData(spec, plan, partial, options);
    const contract = makeContract(spec.model.path, limits, tokenizer, plan.template!);
    options.signal?.throwIfAborted();
    await writeAtomically(join(runDir, "contract.json"), toJson(contract));
    await replaceFolder(partial, join(runDir, "data"));
    await syncFolder(runDir);
    return { manifest, contract };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function writeData(
  spec: RunSpec,
  plan: DatasetPlan,
  folder: string,
  options: DocumentOptions,
): Promise<DataManifest> {
  const reading = withCompletionSamples(plan, readDocuments(plan, options), options);
  const train = await SplitWriter.create(folder, "train");
  const held = await SplitWriter.create(folder, "eval").catch(async (error) => {
    await train.close();
    throw error;
  });
  try {
    await writeSequences(reading.documents, spec, train, held);
    requireBothParts(spec, plan, reading.tallies, held);
    await train.finish();
    await held.finish();
  } finally {
    await Promise.all([train.close(), held.close()]);
  }
  const { path, sha256, vocabularySize } = plan.tokenizer;
  const manifest: DataManifest = {
    version: RUN_VERSION,
    tokenizer: { path, sha256, vocabularySize },
    template: plan.template!.id,
    sequenceLength: spec.sequenceLength,
    sources: describeSources(plan, reading.tallies),
    ...(reading.samples === null ? {} : { completion: reading.samples }),
    train: train.summary,
    eval: held.summary,
  };
  await writeAtomically(join(folder, "manifest.json"), toJson(manifest));
  return manifest;
}

/** Held-out rows go by the same rule as the others: rows never see each other, so packing does not change their loss. */
async function writeSequences(
  documents: AsyncIterable<EncodedDocument[]>,
  { sequenceLength, dataset }: RunSpec,
  train: SplitWriter,
  held: SplitWriter,
): Promise<void> {
  const ofTrain = makerOf<EncodedDocument>(sequenceLength, dataset.packing);
  const ofHeld = makerOf<EncodedDocument>(sequenceLength, dataset.packing);
  for await (const batch of documents) {
    for (const document of batch) {
      const [maker, writer] = document.heldOut ? [ofHeld, held] : [ofTrain, train];
      for (const sequence of maker.add(document)) await writer.addSequence(sequence);
    }
  }
  for (const sequence of ofTrain.finish()) await train.addSequence(sequence);
  for (const sequence of ofHeld.finish()) await held.addSequence(sequence);
}

export function describeSources(plan: DatasetPlan, tallies: readonly SourceTally[]): DataSource[] {
  return plan.sources.map(({ path, sha256, bytes, dialect }, index) => {
    const { rows, used, leftOut, skipped, byReason, listed } = tallies[index]!;
    return {
      path,
      sha256,
      bytes,
      format: dialect?.format.id ?? "unknown",
      rows,
      used,
      leftOut,
      skipped,
      skippedByReason: byReason,
      skippedRows: listed,
    };
  });
}

function checkSequenceLength(spec: RunSpec, { contextLength }: ModelLimits): void {
  if (spec.sequenceLength <= contextLength) return;
  throw new DatasetError(
    `The sequence length of ${spec.sequenceLength} is more than ${spec.model.path} takes: its "max_position_embeddings" is ${contextLength}.`,
  );
}

function requireUsableRows({ sources }: DatasetPlan, index: number): void {
  const { path, bytes, rows, usable, dialect, isArray } = sources[index]!;
  if (usable > 0) return;
  if (isArray) throw new DatasetError(arrayMessage(path));
  if (rows === 0) {
    throw new DatasetError(`${path} is empty${bytes === 0 ? "" : " (blank lines only)"}: it must hold one row a line.`);
  }
  const as = dialect === null ? "in any known format" : `as ${dialect.format.name}`;
  const count = rows === 1 ? "Its only row is broken" : `All of its ${rows.toLocaleString("en")} rows are broken`;
  throw new DatasetError(
    `${path} has no row that can be used ${as}. ${count}: run "tunesmith validate" on it to see what is wrong with each.`,
  );
}

function requireBothParts(spec: RunSpec, plan: DatasetPlan, tallies: readonly SourceTally[], held: SplitWriter): void {
  const { heldOut, path } = spec.dataset;
  const skipped = tallies.reduce((sum, tally) => sum + (tally.byReason["over-length"] ?? 0), 0);
  const long =
    skipped === 0 ? "" : ` (${skipped.toLocaleString("en")} rows are longer than ${spec.sequenceLength} tokens)`;
  for (const [index, source] of plan.sources.entries()) {
    if (source.weight === null || tallies[index]!.train.rows > 0) continue;
    throw new DatasetError(
      `${source.path} leaves no row to train on${long}: hold out less, raise the sequence length or add rows.`,
    );
  }
  // The packer holds what is not written yet, so only after packing do the summaries say what there is.
  if (heldOut.kind === "none" || held.summary.documents > 0) return;
  if (heldOut.kind === "file") {
    throw new DatasetError(
      `${heldOut.path} leaves no row to evaluate on${long}: raise the sequence length or add rows.`,
    );
  }
  const remedy =
    heldOut.by === "source" && plan.sources[0]!.usable > 1
      ? 'its rows share one "source": split by row, or name a file of held-out rows'
      : "hold out more, or name a file of held-out rows";
  throw new DatasetError(`${path} leaves no row to evaluate on${long}: ${remedy}.`);
}

async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${to}.old`;
  await rm(old, { recursive: true, force: true });
  const exists = await access(to).then(
    () => true,
    () => false,
  );
  if (exists) await rename(to, old);
  await rename(from, to);
  await rm(old, { recursive: true, force: true });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
