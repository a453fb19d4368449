import { copyFile, mkdir, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { writeAtomically } from "../disk/atomicWrite";
import type { RemoteFile } from "./modelFiles";

/**
 * One model in the cache that the tools of Hugging Face share: contents lie in `blobs/`, named by their checksums,
 * `snapshots/COMMIT/` links to them, `refs/` says which commit a branch was at.
 */
export class ModelCache {
  readonly folder: string;

  constructor(
    readonly root: string,
    repository: string,
  ) {
    this.folder = join(root, folderName(repository));
  }

  get lockFile(): string {
    return join(this.root, ".locks", relative(this.root, this.folder), "tunesmith.lock");
  }

  blob(file: RemoteFile): string {
    return join(this.folder, "blobs", file.checksum.value);
  }

  /** What has come so far; the other tools go on with it too. */
  incomplete(file: RemoteFile): string {
    return `${this.blob(file)}.incomplete`;
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** True where the file can be used without fetching anything. */
  async holds(commit: string, file: RemoteFile): Promise<boolean> {
    const sizes = await Promise.all([sizeOf(join(this.snapshot(commit), file.path)), sizeOf(this.blob(file))]);
    return sizes.includes(file.size);
  }

  /** How many bytes of the file have come before; they are checked when the rest is there. */
  async begun(file: RemoteFile): Promise<number> {
    const size = (await sizeOf(this.incomplete(file))) ?? 0;
    return size > file.size ? 0 : size;
  }

  async prepare(commit: string): Promise<void> {
    await mkdir(join(this.folder, "blobs"), { recursive: true });
    await mkdir(this.snapshot(commit), { recursive: true });
  }

  /** A checked `.incomplete` becomes the blob. */
  async keep(file: RemoteFile): Promise<void> {
    await rename(this.incomplete(file), this.blob(file));
  }

  /** Shows the blob in the snapshot: a link, or, where the system has none, the file itself. */
  async show(commit: string, file: RemoteFile): Promise<void> {
    const shown = join(this.snapshot(commit), file.path);
    if ((await sizeOf(shown)) === file.size) return;
    await rm(shown, { force: true });
    const blob = this.blob(file);
    try {
      await symlink(relative(dirname(shown), blob), shown);
    } catch {
      await copyAtomically(blob, shown);
    }
  }

  /** Says that the branch or tag is at this commit, as the other tools look it up without a network. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const file = join(this.folder, "refs", ...revision.split("/"));
    await mkdir(dirname(file), { recursive: true });
    await writeAtomically(file, commit);
  }
}

function folderName(repository: string): string {
  return ["models", ...repository.split("/")].join("--");
}

/** True for a branch, a tag or a commit; false for what Git would not take, or would lead out of `refs/`. */
export function isRevision(text: string): boolean {
  return text.length <= 200 && text.split("/").every((part) => /^[\w][\w.+-]*$/.test(part) && !part.includes(".."));
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    const status = await stat(path);
    return status.isFile() ? status.size : null;
  } catch {
    return null;
  }
}

async function copyAtomically(from: string, to: string): Promise<void> {
  const temporary = `${to}.incomplete`;
  await copyFile(from, temporary);
  await rename(temporary, to);
}
