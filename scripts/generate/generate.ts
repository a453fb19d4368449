import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPages } from "./checkPages";
import { generatedSettings, generatedTexts } from "./settings";

/** Path from the project's root → content; a test compares this with the tree. */
export function generatedFiles(root: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const [name, content] of checkPages()) files.set(join("docs", "checks", name), content);
  files.set("package.json", packageJson(readFileSync(join(root, "package.json"), "utf8")));
  files.set("package.nls.json", packageTexts(readFileSync(join(root, "package.nls.json"), "utf8")));
  return files;
}

export function writeGenerated(root: string): void {
  const files = generatedFiles(root);
  const folder = join(root, "docs", "checks");
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!files.has(join("docs", "checks", name))) rmSync(join(folder, name));
  for (const [path, content] of files) writeFileSync(join(root, path), content);
}

function packageJson(text: string): string {
  const manifest = JSON.parse(text) as { contributes: { configuration: { properties: Record<string, object> } } };
  Object.assign(manifest.contributes.configuration.properties, generatedSettings());
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function packageTexts(text: string): string {
  const texts = JSON.parse(text) as Record<string, string>;
  const kept = Object.entries(texts).filter(([key]) => !key.startsWith("check."));
  return `${JSON.stringify({ ...Object.fromEntries(kept), ...generatedTexts() }, null, 2)}\n`;
}
