import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** The file is the old one or the new one, whole, whatever happens in between. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.partial`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw Object.assign(error as Error, { path });
  }
  await syncFolder(dirname(path));
}

/** Makes renames in a folder last. Not every platform can open a folder; there the rename alone must do. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
