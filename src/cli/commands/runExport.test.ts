import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder, temporaryRun } from "../../run/testing/testRun";
import { runCli } from "../cli";

async function tunesmith(cwd: string, ...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const code = await runCli(argv, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => cwd,
    on: () => {},
    off: () => {},
  });
  return { code, ...written };
}

it("writes a run as the folder that is named, and says so", async () => {
  const { directory } = await temporaryRun();
  const folder = temporaryFolder();
  const { code, stdout } = await tunesmith(folder, "runs", "export", directory, "--output", "mine/run");
  expect(stdout).toBe(`${join(folder, "mine", "run")}: 2 files\n`);
  expect(code).toBe(0);
  expect(readdirSync(join(folder, "mine", "run")).sort()).toEqual(["README.md", "run.json"]);
});

it("tells the extension what it wrote", async () => {
  const { directory } = await temporaryRun();
  const output = join(temporaryFolder(), "run");
  const { stdout } = await tunesmith("/", "runs", "export", directory, "--output", output, "--progress", "json");
  const messages = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(messages[0]).toEqual({ type: "progress", stage: "Copying", fraction: 1 });
  expect(messages.at(-1)).toMatchObject({ type: "result", value: { directory: output, leftOut: [] } });
});

it("needs a run and a place", async () => {
  const { directory } = await temporaryRun();
  expect(await tunesmith("/", "runs", "export", directory)).toMatchObject({ code: 2 });
  const folder = temporaryFolder();
  const output = join(temporaryFolder(), "run");
  const wrong = await tunesmith("/", "runs", "export", folder, "--output", output);
  expect(wrong).toMatchObject({ code: 1, stderr: `${folder} is not a run directory: it has no run.json.\n` });
  expect(existsSync(output)).toBe(false);
});
