import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { findSecrets } from "../checks/text/secret";
import { decodeSource } from "../fromPython/sourceText";
import { MOST_FILES, pythonFiles } from "../fromPython/walk";
import { DatasetError } from "../problem";
import type { DatasetPlan, ReadOptions } from "../readDataset";
import { answerCodes } from "./answerCode";
import { HeldOutCode } from "./heldOutCode";
import { LARGEST_SOURCE } from "./middles";

/** The texts that samples for completion are cut from: a file or an answer is wholly in them or not at all. */

export interface SourceText {
  /** Of a file its path, of an answer its row; the same on every machine. */
  name: string;
  text: string;
}

export interface SourceTexts {
  texts: SourceText[];
  answerTexts: number;
  files: number;
  filesSha256: string;
  /** By reason. */
  leftOut: Record<string, number>;
}

/** Rows that are trained on. */
export interface TrainedRows {
  has(source: number, row: number): boolean;
}

/** All texts together; beyond that, files and answers are left out. */
const MOST_CHARACTERS = 64_000_000;
const SHORTEST_TEXT = 20;

export async function collectTexts(
  plan: DatasetPlan,
  trained: TrainedRows,
  options: ReadOptions,
): Promise<SourceTexts> {
  const collector = new Collector();
  const { answers, folder } = plan.request.completion!;
  const waiting: SourceText[] = [];
  // What is held out must all be known before the first text is taken.
  let characters = 0;
  for await (const { source, row, heldOut, code } of answerCodes(plan, options)) {
    if (heldOut) collector.heldOut.add(code);
    else if (answers && trained.has(source, row)) {
      characters += code.length;
      if (characters > MOST_CHARACTERS) collector.leaveOut("too-many");
      else waiting.push({ name: `row ${source}:${row}`, text: code });
    }
  }
  for (const { name, text } of waiting) if (collector.take(name, text)) collector.answerTexts++;
  if (folder !== null) await readFiles(folder, collector, options);
  return collector.result();
}

async function readFiles(folder: string, collector: Collector, { signal, progress }: ReadOptions): Promise<void> {
  const isFolder = await stat(folder).then(
    (status) => status.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new DatasetError(`${folder} is not a folder: name one that holds Python files.`);
  let met = 0;
  for await (const path of pythonFiles(folder, { skipTests: false, signal })) {
    if (++met > MOST_FILES) {
      collector.leaveOut("too-many");
      return;
    }
    progress?.("Reading Python files", null, path);
    const text = await readSource(join(folder, path));
    if ("reason" in text) collector.leaveOut(text.reason);
    else collector.takeFile(path, text.text);
  }
}

async function readSource(path: string): Promise<{ text: string } | { reason: string }> {
  try {
    if ((await stat(path)).size > LARGEST_SOURCE) return { reason: "too-large" };
    return decodeSource(await readFile(path));
  } catch {
    // It went away, or may not be read: others are there.
    return { reason: "unreadable" };
  }
}

class Collector {
  readonly heldOut = new HeldOutCode();
  answerTexts = 0;
  private readonly texts: SourceText[] = [];
  private readonly leftOut: Record<string, number> = {};
  private readonly known = new Set<string>();
  private readonly fileHash = createHash("sha256");
  private files = 0;
  private characters = 0;

  leaveOut(reason: string): void {
    this.leftOut[reason] = (this.leftOut[reason] ?? 0) + 1;
  }

  takeFile(path: string, text: string): void {
    if (!this.take(path, text)) return;
    this.files++;
    this.fileHash.update(`${path}\0${text}\0`);
  }

  take(name: string, text: string): boolean {
    const reason = this.reasonAgainst(text);
    if (reason === null) {
      this.characters += text.length;
      this.texts.push({ name, text });
      return true;
    }
    this.leaveOut(reason);
    return false;
  }

  result(): SourceTexts {
    const { texts, answerTexts, files, leftOut } = this;
    return { texts, answerTexts, files, filesSha256: this.fileHash.digest("hex"), leftOut };
  }

  private reasonAgainst(text: string): string | null {
    if (text.trim().length < SHORTEST_TEXT) return "too-short";
    const content = createHash("sha1").update(text).digest("base64");
    if (this.known.has(content)) return "duplicate";
    this.known.add(content);
    if (this.characters + text.length > MOST_CHARACTERS) return "too-many";
    if (findSecrets(text).length > 0) return "secret";
    return this.heldOut.isIn(text) ? "held-out" : null;
  }
}
