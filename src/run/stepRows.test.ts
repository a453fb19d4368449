import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRun } from "./runDirectory";
import { readStepRows } from "./stepRows";
import { newRun, temporaryFolder } from "./testing/testRun";

/** A run, and a program in the engine's place that says `words`. */
async function runAndEngine(words: string, code = 0) {
  const folder = temporaryFolder();
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, '{"instruction":"One.","output":"x"}\n{"instruction":"Two.","output":"x"}\n');
  const run = newRun();
  const { directory } = await createRun(folder, { ...run, dataset: { ...run.dataset, path } });
  mkdirSync(join(directory, "data"));
  const manifest = { template: "alpaca", sources: [{ path, sha256: "", bytes: 1, format: "alpaca" }] };
  writeFileSync(join(directory, "data", "manifest.json"), JSON.stringify(manifest));
  const engine = join(folder, "engine.mjs");
  const stream = code === 0 ? "stdout" : "stderr";
  const source = `process.${stream}.write(${JSON.stringify(words)}.replace("ARGS", process.argv.slice(2).join(" "))); process.exitCode = ${code};`;
  writeFileSync(engine, `#!/usr/bin/env node\n${source}\n`);
  chmodSync(engine, 0o755);
  return { directory, engine, path };
}

const row = (line: number, loss: number | null, source = 0) => ({ source, row: line, tokens: 9, targets: 4, loss });

it("lists the rows with the highest loss first, and those without one last", async () => {
  const rows = [row(1, null), row(1, 0.5), row(2, 2), row(2, 1, 7)];
  const { directory, engine, path } = await runAndEngine(JSON.stringify({ step: 3, rows }));
  const report = await readStepRows(directory, 3, engine);
  expect(report.rows.map(({ row, loss, preview }) => [row, loss, preview])).toEqual([
    [2, 2, "Two."],
    [1, 0.5, "One."],
    [1, null, "One."],
  ]);
  expect(report).toMatchObject({ step: 3, total: 4, sources: [{ path, state: "changed" }] });
});

it("hands on the engine's own sentence", async () => {
  const { directory, engine } = await runAndEngine("tunesmith-engine: There is no step 9 (ARGS).\n", 1);
  const said = `There is no step 9 (rows --run ${directory} --step 9 --json).`;
  await expect(readStepRows(directory, 9, engine)).rejects.toThrow(said);
});

it("says so where the engine tells no rows", async () => {
  for (const words of ["no JSON", '{"step":1}', '{"step":1,"rows":[{"source":-1}]}']) {
    const { directory, engine } = await runAndEngine(words);
    await expect(readStepRows(directory, 1, engine)).rejects.toThrow("did not tell the rows of step 1");
  }
});
