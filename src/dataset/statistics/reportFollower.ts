/** What a report counts while a file is scanned. */

import { rowSource } from "../checkRow";
import type { CheckId } from "../checks/table";
import type { TextPart } from "../checks/textPart";
import type { Dialect, JsonObject } from "../formats/format";
import type { ScannedLine } from "../scan/rowScanner";
import type { ScanObserver } from "../scan/scanObserver";
import type { TokenResult, TokenStage } from "../scan/tokenStage";
import { answerLanguage } from "./answerLanguage";
import { type RowDescription, RowSample } from "./rowSample";
import type { SplitCount } from "./splitCount";
import { StatisticsCounter, type StatisticsRow } from "./statistics";
import { taskOf } from "./task";

const TITLE_LENGTH = 120;
/** Code units that are looked at for a title. */
const TITLE_READ = 600;

interface WaitingRow {
  row: number;
  facts: NonNullable<StatisticsRow["facts"]>;
  format: string;
}

export interface FollowerOptions {
  /** Null: lengths are counted in characters. */
  tokens: { stage: TokenStage; sequenceLength: number } | null;
  split: SplitCount | null;
  /** Whether `soundRows` is filled: some bytes a row. */
  keepsRows: boolean;
}

export class ReportFollower implements ScanObserver {
  readonly sample = new RowSample();
  /** Rows whose structure is sound, in the file's order, and the tokens of each where they are counted. */
  readonly soundRows: number[] = [];
  readonly rowTokens: number[] = [];
  /** Sound rows that training leaves out. */
  readonly unusable = new Set<number>();
  /** Rows with more tokens than a sequence. */
  beyond = 0;
  hasSources = false;
  private readonly counter = new StatisticsCounter();
  private readonly waiting: WaitingRow[] = [];
  private checksOfRow: { row: number; checks: CheckId[] } = { row: 0, checks: [] };

  constructor(private readonly options: FollowerOptions) {}

  sound(line: ScannedLine, row: JsonObject, dialect: Dialect): void {
    const parts = dialect.format.texts(row, dialect.layout);
    const facts = factsOf(parts);
    const waiting = { row: line.number, facts, format: dialect.format.id };
    if (this.options.tokens === null) this.count(waiting);
    else this.waiting.push(waiting);
    this.sample.add(line.number, () => describe(parts, facts));
    if (this.options.keepsRows) this.soundRows.push(line.number);
    if (this.options.split !== null) this.plan(line, row, this.options.split);
  }

  found(row: number, check: CheckId, message: string): void {
    this.sample.problem(row, check, message);
    if (this.checksOfRow.row !== row) this.settleChecks(row);
    this.checksOfRow.checks.push(check);
  }

  /** The stage for the scan: what it counts is told here too. */
  tokenStage(): TokenStage | undefined {
    const { tokens } = this.options;
    if (tokens === null) return undefined;
    return {
      check: async (rows, dialect) => {
        const results = await tokens.stage.check(rows, dialect);
        for (const result of results) this.countTokens(result, tokens.sequenceLength);
        return results;
      },
    };
  }

  statistics(): ReturnType<StatisticsCounter["finish"]> {
    this.settleChecks(0);
    return this.counter.finish();
  }

  private countTokens({ tokens, usable }: TokenResult, sequenceLength: number): void {
    // Rows come out of the stage in the order in which they went in.
    const row = this.waiting.shift()!;
    this.count(row, tokens);
    this.rowTokens.push(tokens);
    if (tokens > sequenceLength) this.beyond++;
    if (!usable) this.unusable.add(row.row);
  }

  private count({ facts, format }: WaitingRow, tokens?: number): void {
    this.counter.add({ format, usable: true, facts, ...(tokens === undefined ? {} : { tokens }) });
  }

  private plan(line: ScannedLine, row: JsonObject, split: SplitCount): void {
    const source = rowSource(row);
    if (source !== null) this.hasSources = true;
    split.plan({ text: line.text, source });
  }

  private settleChecks(next: number): void {
    if (this.checksOfRow.checks.length > 0) this.counter.addProblems(this.checksOfRow.checks);
    this.checksOfRow = { row: next, checks: [] };
  }
}

function factsOf(parts: readonly TextPart[]): NonNullable<StatisticsRow["facts"]> {
  let promptCharacters = 0;
  let answerCharacters = 0;
  for (const { role, text } of parts) {
    if (role === "answer") answerCharacters += text.length;
    else promptCharacters += text.length;
  }
  return {
    promptCharacters,
    answerCharacters,
    task: taskOf(parts.find(({ role }) => role === "instruction")?.text ?? ""),
    language: answerLanguage(parts.find(({ role }) => role === "answer")?.text ?? ""),
  };
}

function describe(parts: readonly TextPart[], facts: ReturnType<typeof factsOf>): RowDescription {
  const first = parts.find(({ role, text }) => role === "instruction" && text !== "") ?? parts[0];
  return {
    title: titleOf(first?.text ?? ""),
    length: facts.promptCharacters + facts.answerCharacters,
    language: facts.language,
    task: facts.task,
  };
}

export function describeRow(row: JsonObject, { format, layout }: Dialect): RowDescription {
  const parts = format.texts(row, layout);
  return describe(parts, factsOf(parts));
}

/** The beginning of a text in one line. */
export function titleOf(text: string): string {
  const line = text.slice(0, TITLE_READ).replace(/\s+/g, " ").trim();
  const cut = line.slice(0, TITLE_LENGTH);
  // Not through the middle of a character.
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
