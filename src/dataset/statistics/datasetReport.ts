/** Everything the data set view shows of a file: read twice, in a bounded memory. */

import { stat } from "node:fs/promises";
import type { DatasetReport, SampleRow } from "../../protocol/datasetView";
import { checkRow, rowSource } from "../checkRow";
import { parseRow } from "../checks/parseRow";
import { Severities } from "../checks/severities";
import { checks } from "../checks/table";
import { AUTOMATIC } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import { findHeldOutFile } from "../heldOutFile";
import { type Line, LineReader } from "../lines";
import { detectFileDialect, requireFile } from "../readDataset";
import { lineProblems, parseLine } from "../rows";
import { LARGE_FILE, type Scan, type ScanOptions, scanFile } from "../scan/scanFile";
import type { TokenStage } from "../scan/tokenStage";
import { describeRow, ReportFollower, titleOf } from "./reportFollower";
import type { SampledRow } from "./rowSample";
import { SplitCount, type SplitSettings } from "./splitCount";
import type { DatasetStatistics } from "./statistics";

export interface ReportOptions
  extends Pick<ScanOptions, "choice" | "scope" | "severities" | "heldOut" | "inspector" | "signal" | "progress"> {
  /** Absent: lengths are counted in characters, as they are in files whose texts are not checked. */
  tokens?: { stage: TokenStage; sequenceLength: number } | undefined;
  /** How a run would split the rows where no file holds the held-out ones. */
  split: SplitSettings;
}

export async function datasetReport(path: string, options: ReportOptions): Promise<DatasetReport> {
  const { choice = AUTOMATIC, severities = new Severities(), signal, scope = "auto" } = options;
  await requireFile(path);
  const { size, mtimeMs } = await stat(path);
  const isLarge = size > LARGE_FILE;
  const textsChecked = scope === "auto" ? !isLarge : scope === "all";
  const heldOutFile = options.heldOut ?? (await findHeldOutFile(path));
  const split = heldOutFile !== null || isLarge ? null : new SplitCount(options.split);
  const tokens = textsChecked ? (options.tokens ?? null) : null;
  const follower = new ReportFollower({ tokens, split, keepsRows: !isLarge });
  const { split: _split, tokens: _tokens, ...scanOptions } = options;
  const scan = await scanFile(path, {
    ...scanOptions,
    severities,
    most: 1,
    heldOut: heldOutFile ?? undefined,
    tokens: follower.tokenStage(),
    observer: follower,
  });
  const dialect = await detectFileDialect(path, choice, signal);
  const sample = await new SecondReading(path, dialect, follower, split, options).rows();
  const heldOutRows = heldOutFile === null ? null : await countRows(heldOutFile, signal);
  return {
    path,
    bytes: size,
    modified: mtimeMs,
    ...figures(scan, follower, severities, tokens?.sequenceLength ?? null),
    split: heldOutRows === null ? (split?.counts ?? null) : { train: scan.usable, heldOut: heldOutRows },
    heldOutFile,
    sample,
  };
}

type Figures = Omit<DatasetReport, "path" | "bytes" | "modified" | "split" | "heldOutFile" | "sample">;

function figures(scan: Scan, follower: ReportFollower, severities: Severities, sequenceLength: number | null): Figures {
  const statistics = follower.statistics();
  const { unit, ...length } = statistics.length;
  const inTokens = unit === "tokens";
  return {
    format: scan.format,
    rows: scan.rows,
    usable: scan.usable,
    checks: scan.scope,
    sequenceLength: inTokens ? sequenceLength : null,
    beyond: inTokens ? follower.beyond : null,
    unit,
    length,
    promptLength: statistics.promptLength,
    answerLength: statistics.answerLength,
    problems: statistics.problems.map((counts) => ({
      ...counts,
      title: checks[counts.check].title,
      severity: severities.of(counts.check) ?? "information",
    })),
    languages: statistics.languages.map(({ language, rows }) => ({ name: language, rows })),
    tasks: statistics.tasks.map(({ task, rows }) => ({ name: task, rows })),
    moreTasks: statistics.moreTasks,
    ...comparison(scan, statistics.duplicates),
  };
}

function comparison({ scope, notCompared }: Scan, found: DatasetStatistics["duplicates"]) {
  if (scope === "structure") return { duplicates: { ...found, near: null, conflicting: null }, notCompared: 0 };
  return { duplicates: found, notCompared: notCompared.near };
}

/** Finds the places of the sampled rows, describes those that have no description yet, and counts the split. */
class SecondReading {
  private next = 0;
  private nextSound = 0;
  private readonly sampled: SampledRow[];
  private readonly found: SampleRow[] = [];

  constructor(
    private readonly path: string,
    private readonly dialect: Dialect | null,
    private readonly follower: ReportFollower,
    private readonly split: SplitCount | null,
    private readonly options: Pick<ReportOptions, "signal" | "progress">,
  ) {
    this.sampled = follower.sample.list();
  }

  async rows(): Promise<SampleRow[]> {
    const { signal, progress } = this.options;
    const reader = new LineReader(this.path, { hash: false });
    const { size } = await stat(this.path);
    for await (const lines of reader.batches(signal)) {
      const first = lines[0]!.number;
      for (const line of lines) this.take(line, reader.batchStart, line.number - first);
      progress?.("Picking rows to show", Math.min(1, reader.bytes / Math.max(1, size)), this.path);
    }
    return this.found;
  }

  private take(line: Line, offset: number, skip: number): void {
    const sound = this.follower.soundRows[this.nextSound] === line.number ? this.nextSound++ : null;
    const heldOut = sound === null ? null : this.count(line);
    const sampled = this.sampled[this.next];
    if (sampled?.row !== line.number) return;
    this.next++;
    const { row, problems } = sampled;
    const description = sampled.description ?? this.describe(line);
    const { title, ...rest } = description ?? {
      title: titleOf(line.text ?? ""),
      length: null,
      language: null,
      task: null,
    };
    const length = (sound === null ? undefined : this.follower.rowTokens[sound]) ?? rest.length;
    this.found.push({ row, offset, skip, title, ...rest, length, heldOut, problems });
  }

  /** Whether the row is held out; null where it is not used or the split is not counted. */
  private count({ number, text }: Line): boolean | null {
    const { unusable, hasSources } = this.follower;
    if (this.split === null || text === null || unusable.has(number)) return null;
    return this.split.count({ text, source: hasSources ? rowSource(JSON.parse(text)) : null });
  }

  /** Of a row in which something was found when it had gone by. */
  private describe({ text }: Line): ReturnType<typeof describeRow> | null {
    const parsed = text === null ? null : parseRow(text);
    if (parsed?.kind !== "value" || this.dialect === null) return null;
    if (checkRow(parsed.value, this.dialect).length > 0) return null;
    return describeRow(parsed.value as JsonObject, this.dialect);
  }
}

/** Rows that can be used, as far as their structure tells. */
async function countRows(path: string, signal: AbortSignal | undefined): Promise<number> {
  const dialect = await detectFileDialect(path, AUTOMATIC, signal);
  let rows = 0;
  for await (const lines of new LineReader(path, { hash: false }).batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed !== null && lineProblems(parsed, dialect).length === 0) rows++;
    }
  }
  return rows;
}
