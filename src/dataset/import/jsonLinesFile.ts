import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../../disk/atomicWrite";
import { DatasetError } from "../problem";

const BUFFER_CHARACTERS = 1024 * 1024;

/** Throws a DatasetError where there is a file that would be replaced. */
export async function refuseExisting(path: string, force: boolean): Promise<void> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (status === null) return;
  if (status.isDirectory()) throw new DatasetError(`${path} is a folder: name the file to write.`);
  if (!force) throw new DatasetError(`${path} exists already: name another file, or replace it with --force.`);
}

/** Writes JSON Lines under a temporary name; the file appears whole, with finish(), or not at all. */
export class JsonLinesFile {
  private buffered: string[] = [];
  private characters = 0;

  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<JsonLinesFile> {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
    return new JsonLinesFile(path, temporary, await open(temporary, "wx"));
  }

  async add(line: string): Promise<void> {
    this.buffered.push(line, "\n");
    this.characters += line.length + 1;
    if (this.characters >= BUFFER_CHARACTERS) await this.flush();
  }

  /** On disk under its name when this returns. */
  async finish(): Promise<void> {
    await this.flush();
    await this.naming(() => this.handle.sync());
    await this.handle.close();
    await this.naming(() => rename(this.temporary, this.path));
    await syncFolder(dirname(this.path));
  }

  /** After a failure: nothing is left of the file. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await rm(this.temporary, { force: true });
  }

  private async flush(): Promise<void> {
    const text = this.buffered.join("");
    this.buffered = [];
    this.characters = 0;
    if (text !== "") await this.naming(() => this.handle.writeFile(text));
  }

  /** Node leaves the path out of a failed write's error, or names the temporary file. */
  private async naming<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw Object.assign(error as Error, { path: this.path });
    }
  }
}
