import { mkdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../../disk/atomicWrite";
import { withFolderLock } from "../../run/folderLock";
import { readPlainFile } from "../../run/plainFile";
import { identify, isIdentity, ownIdentity } from "../../run/processIdentity";
import { hasCode, RunError, withFile } from "../../run/runError";
import { evaluationPaths, requireOwnFolder } from "./reportFiles";

const MAX_BYTES = 1 << 14;
const MAX_TEXT = 500;
/** Of an evaluation on another machine, whose processes cannot be asked: it tells how far it is more often than this. */
const FOREIGN_LIMIT_MS = 600_000;

/** How far an evaluation is. */
export interface EvaluationProgress {
  stage: string;
  /** 0 to 1; null: nobody knows. */
  fraction: number | null;
  detail: string | null;
  /** Why it does not compute where one would expect it: one sentence; null: it does. */
  note: string | null;
}

/** Who evaluates a run, and who has asked for it. */
function markPaths(runDirectory: string) {
  const { folder } = evaluationPaths(runDirectory);
  return { asked: join(folder, "asked.json"), going: join(folder, "going.json"), lock: join(folder, "going.lock") };
}

const text = v.pipe(
  v.string(),
  v.transform((value) => value.slice(0, MAX_TEXT)),
);
const progressSchema = v.object({
  stage: text,
  fraction: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  detail: v.nullable(text),
  note: v.nullable(text),
});
const askedSchema = v.object({ host: v.string() });

/** Says that a person wants the run evaluated, whatever becomes of this window. Throws one sentence. */
export async function askForEvaluation(runDirectory: string): Promise<void> {
  await requireOwnFolder(runDirectory);
  const { asked } = markPaths(runDirectory);
  try {
    // Not the run's own folder: it may have been deleted.
    await mkdir(evaluationPaths(runDirectory).folder).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
    await writeAtomically(asked, `${JSON.stringify({ host: hostname() })}\n`);
  } catch (error) {
    throw withFile(error, asked);
  }
}

/** Nobody waits for the evaluation any more: what was interrupted is not gone on with. */
export async function withdrawEvaluation(runDirectory: string): Promise<void> {
  const { asked } = markPaths(runDirectory);
  await requireOwnFolder(runDirectory);
  await rm(asked, { force: true });
}

/** True where an evaluation was asked for on this machine that has neither ended nor been cancelled. */
export async function evaluationIsAskedFor(runDirectory: string): Promise<boolean> {
  const own = await requireOwnFolder(runDirectory).then(
    () => true,
    () => false,
  );
  if (!own) return false;
  const asked = v.safeParse(askedSchema, await readJson(markPaths(runDirectory).asked));
  // A run that was brought from elsewhere begins nothing by itself.
  return asked.success && asked.output.host === hostname();
}

/** How far the evaluation of the run is that some process is at; null: none is. */
export async function evaluationUnderWay(runDirectory: string): Promise<EvaluationProgress | null> {
  const { going } = markPaths(runDirectory);
  const value = await readJson(going);
  if (!isIdentity(value)) return null;
  const found = await identify(value);
  if (found === "gone" || (found === "elsewhere" && !(await isFresh(going)))) return null;
  const progress = v.safeParse(progressSchema, value);
  return progress.success ? progress.output : { stage: "", fraction: null, detail: null, note: null };
}

/** Held by the one process that evaluates a run; it dies with that. */
export class EvaluationMark {
  #latest: EvaluationProgress = { stage: "Reading the run", fraction: null, detail: null, note: null };
  #writing: Promise<void> | undefined;
  #changed = false;
  #released = false;

  private constructor(private readonly runDirectory: string) {}

  /** Throws a RunError where another process evaluates the run. */
  static async take(runDirectory: string): Promise<EvaluationMark> {
    await requireOwnFolder(runDirectory);
    const mark = new EvaluationMark(runDirectory);
    await withFolderLock(markPaths(runDirectory).lock, async () => {
      if ((await evaluationUnderWay(runDirectory)) !== null) {
        throw new RunError(`${runDirectory} is being evaluated already; wait until that has ended.`);
      }
      await mark.#write();
    });
    return mark;
  }

  /** Tells other windows; of what comes while a file is written the latest counts. */
  tell(progress: Partial<EvaluationProgress>): void {
    Object.assign(this.#latest, progress);
    this.#changed = true;
    this.#writing ??= this.#writeLatest().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeLatest(): Promise<void> {
    while (this.#changed && !this.#released) {
      this.#changed = false;
      // What others see is not the work itself, which says by itself where the disk is full.
      await this.#write().catch(() => {});
    }
  }

  async #write(): Promise<void> {
    const { going } = markPaths(this.runDirectory);
    await writeAtomically(going, `${JSON.stringify({ ...(await ownIdentity()), ...this.#latest })}\n`);
  }

  /** `ended`: by itself, so that nobody goes on with it. */
  async release({ ended }: { ended: boolean }): Promise<void> {
    this.#released = true;
    await this.#writing;
    const { asked, going } = markPaths(this.runDirectory);
    // Whoever sees that nobody is at it must not find that it is still asked for.
    if (ended) await rm(asked, { force: true });
    await rm(going, { force: true });
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readPlainFile(file, MAX_BYTES));
  } catch {
    // Absent, damaged or no plain file: it says nothing.
    return undefined;
  }
}

function isFresh(file: string): Promise<boolean> {
  return stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < FOREIGN_LIMIT_MS,
    () => false,
  );
}
