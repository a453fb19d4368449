import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { hasCode, RunError } from "./runError";

/**
 * Opens a plain file for reading. A run directory may come from anyone: a link is not followed, since it may lead out of
 * it, and a pipe is not waited for. Throws a RunError for those, a system error where the file cannot be opened.
 */
export async function openPlainFile(file: string): Promise<FileHandle> {
  return requireFile(file, await openWithoutLink(file));
}

/** Like openPlainFile, for a file that a person has named or a cache of models links to: links lead to it. */
export async function openNamedFile(file: string): Promise<FileHandle> {
  return requireFile(file, await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)));
}

async function requireFile(file: string, handle: FileHandle): Promise<FileHandle> {
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw new RunError(`${file} is not a plain file; nothing is read from it.`);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openWithoutLink(file: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (hasCode(error, "ELOOP")) throw new RunError(`${file} is a link, which is not followed.`);
    // What a socket answers.
    if (hasCode(error, "ENXIO")) throw new RunError(`${file} is not a plain file; nothing is read from it.`);
    throw error;
  }
}

/** The text of a plain file of at most `maxBytes`; a larger one is a RunError and not read. */
export async function readPlainFile(file: string, maxBytes: number): Promise<string> {
  const handle = await openPlainFile(file);
  try {
    const buffer = Buffer.allocUnsafe(Math.min((await handle.stat()).size, maxBytes) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) return buffer.toString("utf8", 0, length);
      length += bytesRead;
    }
    if (length > maxBytes) {
      throw new RunError(`${file} is larger than ${maxBytes.toLocaleString("en-US")} bytes and is not read.`);
    }
    // It has grown since: the beginning alone would be half of something.
    throw new RunError(`${file} changes while it is read; look again.`);
  } finally {
    await handle.close();
  }
}
