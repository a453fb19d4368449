import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ManifestSource, readManifest } from "./dataManifest";
import { type RowLoss, rowLossesOf } from "./rowLosses";
import { withFile } from "./runError";

/** The first line, by which a table of row losses is known. */
export const ROW_LOSS_HEADER = "source,row,loss,tokens,targets,step";

/**
 * What rows cost in a pass as CSV (RFC 4180: source, row, loss in nats, tokens, targets, step), in the order in which the
 * rows were prepared; the whole file or nothing.
 */
export class RowLossTable {
  rows = 0;
  #open = true;

  private constructor(
    private readonly file: string,
    /** The data set whose rows are in it; null: of all. */
    private readonly dataset: string | null,
    private readonly handle: FileHandle,
    private readonly temporary: string,
  ) {}

  /** Throws one sentence where the file cannot be made. */
  static async begin(file: string, dataset: string | null = null): Promise<RowLossTable> {
    const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
    try {
      return new RowLossTable(file, dataset, await open(temporary, "wx"), temporary);
    } catch (error) {
      throw withFile(error, file);
    }
  }

  async fill(text: string): Promise<void> {
    if (text === "") return;
    await this.handle.writeFile(text).catch((error: unknown) => {
      throw withFile(error, this.file);
    });
  }

  async add(rows: readonly RowLoss[], sources: readonly ManifestSource[]): Promise<void> {
    const lines = rows.flatMap(({ source, row, loss, tokens, targets, step }) => {
      // A sample for completion is no row, and has no source.
      const path = sources[source]?.path;
      if (path === undefined || (this.dataset !== null && path !== this.dataset)) return [];
      return [`${[quote(path), row, loss.toFixed(6), tokens, targets, step].join(",")}\n`];
    });
    this.rows += lines.length;
    await this.fill(lines.join(""));
  }

  async place(): Promise<void> {
    try {
      await this.handle.sync();
      await this.#close();
      await rename(this.temporary, this.file);
    } catch (error) {
      throw withFile(error, this.file);
    }
  }

  /** Leaves nothing behind but what was placed. */
  async drop(): Promise<void> {
    await this.#close();
    await rm(this.temporary, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#open) await this.handle.close();
    this.#open = false;
  }
}

/** Writes what the pass (1-based) has met to all tables at once. Throws one sentence, and then drops those not placed. */
export async function fillTables(
  directory: string,
  pass: number,
  tables: readonly RowLossTable[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { sources } = await readManifest(directory);
    for (const table of tables) await table.fill(`${ROW_LOSS_HEADER}\n`);
    for await (const rows of rowLossesOf(directory, pass, signal)) {
      for (const table of tables) await table.add(rows, sources);
    }
    for (const table of tables) await table.place();
  } catch (error) {
    for (const table of tables) await table.drop();
    signal?.throwIfAborted();
    throw error;
  }
}

/** Writes what each row of all data sets cost in the pass to one file. Resolves with the number of rows. */
export async function writeRowLossTable(
  directory: string,
  pass: number,
  file: string,
  signal?: AbortSignal,
): Promise<number> {
  const table = await RowLossTable.begin(file);
  await fillTables(directory, pass, [table], signal);
  return table.rows;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
