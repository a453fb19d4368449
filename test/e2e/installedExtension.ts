/** The packaged extension, installed once for all stories: each starts its own server on the same folder. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { installExtension } from "../../scripts/vscode/launch.mjs";

const vsix = resolve(__dirname, "../../build/tunesmith-linux-x64.vsix");

declare module "vitest" {
  export interface ProvidedContext {
    extensions: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  if (!existsSync(vsix)) throw new Error(`${vsix} is missing: run \`npm run package\` first.`);
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-extension-"));
  const extensions = join(folder, "extensions");
  await installExtension({ vsix, extensions, state: folder });
  project.provide("extensions", extensions);
  return () => rmSync(folder, { recursive: true, force: true });
}
