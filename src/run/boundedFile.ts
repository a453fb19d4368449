import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { RunError, withFile } from "./runError";

/** Opens a plain file of a run directory; a link could lead anywhere. Throws one sentence that names it. */
export async function openPlain(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw withFile(error, file);
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new RunError(`${file} is not a plain file.`);
}

/** The JSON value of a plain file of at most `maxBytes`. Throws one sentence that names it. */
export async function readBoundedJson(file: string, maxBytes: number): Promise<unknown> {
  const handle = await openPlain(file);
  let text: string;
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new RunError(`${file} is larger than ${maxBytes.toLocaleString("en-US")} bytes.`);
    text = await handle.readFile("utf8");
  } catch (error) {
    throw withFile(error, file);
  } finally {
    await handle.close();
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RunError(`${file} is not valid JSON.`);
  }
}
