import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach } from "vitest";
import type { RunSpec } from "../../protocol/run";
import { createRun, type NewRun } from "../runDirectory";
import { defaultHeldOut, defaultSettings } from "../runSpec";

/** For the tests of src/run alone. */
export const fakeEngine = resolve(__dirname, "../../../test/fixtures/run/fake-engine.mjs");

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-run-"));
  folders.push(folder);
  return folder;
}

export function newRun(changes: Partial<NewRun> = {}): NewRun {
  return {
    name: "Try",
    model: { path: "/models/tiny", quantization: "none" },
    dataset: {
      path: "/data/rows.jsonl",
      format: "auto",
      template: "auto",
      heldOut: defaultHeldOut,
      maxTrainRows: null,
      maxEvalRows: null,
    },
    ...defaultSettings(),
    ...changes,
  };
}

export async function temporaryRun(): Promise<{ directory: string; spec: RunSpec }> {
  return createRun(join(temporaryFolder(), ".tunesmith", "runs"), newRun());
}

/** What the stand-in for the engine does in this run. */
export function behave(directory: string, behaviour: object): void {
  writeFileSync(join(directory, "behaviour.json"), JSON.stringify(behaviour));
}

/** Looks again until it holds; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
