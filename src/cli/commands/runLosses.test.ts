import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { runThatMet } from "../../run/testing/rowLosses";
import { type CliProcess, runCli } from "../cli";

async function cli(...args: string[]) {
  const written = { out: "", err: "" };
  const nothing = () => undefined;
  const program: CliProcess = {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    cwd: () => "/",
    on: nothing,
    off: nothing,
  };
  const code = await runCli(["runs", "losses", ...args], program);
  return { code, ...written };
}

it("writes what rows cost beside the data set, and names the file", async () => {
  const { directory, files } = await runThatMet([{ row: 3, loss: 1.5 }]);
  const file = files[0]!.replace(".jsonl", ".row-losses.csv");
  expect(await cli(directory, "--pass=1", "--beside")).toEqual({ code: 0, out: `${file}\n`, err: "" });
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(3);
});

it("takes one place to write to", async () => {
  const { directory, files } = await runThatMet([{ row: 3, loss: 1.5 }]);
  const file = files[0]!.replace(".jsonl", ".row-losses.csv");
  const { code, err } = await cli(directory, "--pass=1", "--beside", `--output=${file}`);
  expect(code).toBe(2);
  expect(err).toContain("Give --beside or --output, not both.");
  expect(existsSync(file)).toBe(false);
});
