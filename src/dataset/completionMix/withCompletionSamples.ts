import type { CompletionMix, CompletionSamples } from "../../protocol/run";
import { encodeSamples, isEncoded } from "../encode";
import { DatasetError } from "../problem";
import {
  COMPLETION_SOURCE,
  type DatasetPlan,
  type DatasetReading,
  type DocumentOptions,
  type EncodedDocument,
} from "../readDataset";
import { type CutSample, cutSample } from "./cutSample";
import { PythonSource } from "./middles";
import { SeededRandom } from "./seededRandom";
import { collectTexts, type SourceTexts, type TrainedRows } from "./sourceTexts";

/** A reading whose documents are followed by samples for completion. */
export interface MixedReading extends DatasetReading {
  /** Null: none were asked for, or the last document has not come yet. */
  readonly samples: CompletionSamples | null;
}

/** A round takes about one sample for so many characters of each text; the last one ends where the share is reached. */
const CHARACTERS_PER_SAMPLE = 500;
/** More rounds would show the same places again and again. */
const MOST_ROUNDS = 24;
const BATCH = 256;

/**
 * The samples that the plan's request asks for, behind the rows: as many as make up their share of the tokens of a pass,
 * or as the texts yield. The same plan gives the same samples. None of them shows what is held out.
 */
export function withCompletionSamples(
  plan: DatasetPlan,
  reading: DatasetReading,
  options: DocumentOptions,
): MixedReading {
  const { completion } = plan.request;
  let samples: CompletionSamples | null = null;
  return {
    tallies: reading.tallies,
    get first() {
      return reading.first;
    },
    get samples() {
      return samples;
    },
    documents:
      completion === undefined
        ? reading.documents
        : mixed(plan, completion, reading.documents, options, (made) => {
            samples = made;
          }),
  };
}

async function* mixed(
  plan: DatasetPlan,
  mix: CompletionMix,
  rows: AsyncIterable<EncodedDocument[]>,
  options: DocumentOptions,
  done: (samples: CompletionSamples) => void,
): AsyncGenerator<EncodedDocument[]> {
  const trained = new RowSet();
  let tokens = 0;
  for await (const batch of rows) {
    for (const { source, row, heldOut, tokens: ids } of batch) {
      if (heldOut) continue;
      trained.add(source, row);
      tokens += ids.length;
    }
    yield batch;
  }
  const texts = await collectTexts(plan, trained, options);
  if (texts.texts.length === 0) throw new DatasetError(nothingToCut(mix));
  const { answerTexts, files, filesSha256, leftOut } = texts;
  const made = { ...mix, fim: 0, prefix: 0, tokens: 0, targets: 0, answerTexts, files, filesSha256, leftOut };
  const wanted = Math.round((tokens * mix.share) / (1 - mix.share));
  for await (const batch of samplesOf(plan, texts, wanted, options)) {
    for (const { kind, tokens: ids, targets } of batch) {
      made[kind === "fim" ? "fim" : "prefix"]++;
      made.tokens += ids.length;
      made.targets += targets;
    }
    yield batch;
  }
  done(made);
}

function nothingToCut({ folder }: CompletionMix): string {
  const where = folder === null ? "the data set's answers" : folder;
  return `There is no Python in ${where} that samples for completion could be cut from: name another folder, or leave them out.`;
}

async function* samplesOf(
  plan: DatasetPlan,
  texts: SourceTexts,
  wanted: number,
  { signal, progress }: DocumentOptions,
): AsyncGenerator<EncodedDocument[]> {
  let tokens = 0;
  for await (const samples of cutAll(plan, texts)) {
    signal?.throwIfAborted();
    const documents: EncodedDocument[] = [];
    for (const document of await encode(samples, plan)) {
      if (tokens >= wanted) break;
      tokens += document.tokens.length;
      documents.push(document);
    }
    progress?.("Cutting samples for completion", Math.min(1, tokens / wanted));
    yield documents;
    if (tokens >= wanted) return;
  }
}

/** Samples that are not among those before them, round by round over all texts. */
async function* cutAll({ request, tokenizer }: DatasetPlan, { texts }: SourceTexts): AsyncGenerator<CutSample[]> {
  const known = new Set<string>();
  let batch: CutSample[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (const { name, text } of new SeededRandom(request.seed, "round", round).shuffled(texts)) {
      const random = new SeededRandom(request.seed, "completion", round, name);
      const source = new PythonSource(text);
      const count = Math.floor(text.length / CHARACTERS_PER_SAMPLE + random.next());
      for (let index = 0; index < count; index++) {
        const sample = cutSample(source, tokenizer.special, random);
        if (sample === null) break;
        const key = `${name} ${sample.key}`;
        if (known.has(key)) continue;
        known.add(key);
        batch.push(sample);
      }
      if (batch.length >= BATCH) {
        yield batch;
        batch = [];
      }
    }
  }
  if (batch.length > 0) yield batch;
}

/** Samples that are too long, or hold a control token's text, are left out: there are others. */
async function encode(samples: readonly CutSample[], { tokenizer, request }: DatasetPlan): Promise<EncodedDocument[]> {
  const encoded = await encodeSamples(
    samples.map(({ segments }) => segments),
    tokenizer,
  );
  return encoded.flatMap((result, index): EncodedDocument[] => {
    if (!isEncoded(result) || result.tokens.length > request.sequenceLength || result.targets === 0) return [];
    const { kind } = samples[index]!;
    return [{ ...result, source: COMPLETION_SOURCE, row: 0, heldOut: false, copy: 0, kind }];
  });
}

/** Rows by their lines, a bit each. */
class RowSet implements TrainedRows {
  private readonly bits: Uint8Array[] = [];

  add(source: number, row: number): void {
    let bits = this.bits[source] ?? new Uint8Array(1024);
    if (row >> 3 >= bits.length) {
      const larger = new Uint8Array(Math.max(bits.length * 2, (row >> 3) + 1));
      larger.set(bits);
      bits = larger;
    }
    bits[row >> 3]! |= 1 << (row & 7);
    this.bits[source] = bits;
  }

  has(source: number, row: number): boolean {
    return (((this.bits[source]?.[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
  }
}
