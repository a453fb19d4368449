import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  areRowLossFilesWritten,
  isSuperseded,
  presentRowLossFiles,
  readRowLossFiles,
  writeRowLossFiles,
} from "./rowLossFiles";
import { runThatMet } from "./testing/rowLosses";

const met = [
  { row: 3, loss: 1.5 },
  { row: 7, loss: 4.25 },
];
const header = "source,row,loss,tokens,targets,step";
const beside = (dataset: string) => dataset.replace(".jsonl", ".row-losses.csv");
const linesOf = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

describe("what rows cost, beside the data set", () => {
  it("is a table named after it, and noted in the run directory", async () => {
    const { directory, files } = await runThatMet(met);
    const written = await writeRowLossFiles(directory, 1);
    const [dataset] = files;
    expect(written).toMatchObject({ pass: 1, files: [{ dataset, file: beside(dataset!), problem: null }] });
    const path = `"${dataset!.replaceAll('"', '""')}"`;
    expect(linesOf(beside(dataset!))).toEqual([header, `${path},3,1.500000,10,4,1`, `${path},7,4.250000,10,4,2`]);
    expect(await readRowLossFiles(directory)).toEqual(written);
    expect(await presentRowLossFiles(written)).toEqual(written.files);
    expect(readdirSync(dirname(dataset!)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(existsSync(join(directory, "row-losses.lock"))).toBe(false);
  });

  it("is a file for each data set of a mixture, with its own rows alone", async () => {
    const { directory, files } = await runThatMet(
      [...met, { row: 2, loss: 3, source: 1 }, { row: 0, loss: 9, source: 65_535 }],
      40,
      2,
    );
    await writeRowLossFiles(directory, 1);
    expect(files.map((file) => linesOf(beside(file)).map((line) => line.split(",")[1]))).toEqual([
      ["row", "3", "7"],
      ["row", "2"],
    ]);
  });

  it("is written once a pass, and again where a resumed run has made the pass anew", async () => {
    const { directory, files, losses } = await runThatMet(met);
    expect(await areRowLossFilesWritten(directory, 1)).toBe(false);
    await writeRowLossFiles(directory, 1);
    expect(await areRowLossFilesWritten(directory, 1)).toBe(true);
    rmSync(beside(files[0]!));
    await writeRowLossFiles(directory, 1);
    expect(existsSync(beside(files[0]!)), "what a person has deleted stays so").toBe(false);
    expect(await areRowLossFilesWritten(directory, 2)).toBe(false);
    utimesSync(losses, 1, 2);
    expect(await areRowLossFilesWritten(directory, 1)).toBe(false);
    await writeRowLossFiles(directory, 1);
    expect(existsSync(beside(files[0]!))).toBe(true);
  });

  it("is not written where the data set has changed, or is gone", async () => {
    const { directory, files } = await runThatMet(met, 40, 2);
    writeFileSync(files[0]!, "{}\n");
    rmSync(files[1]!);
    const written = await writeRowLossFiles(directory, 1);
    expect(written.files.map(({ problem }) => problem)).toEqual([
      `${files[0]} has changed since the run was prepared, so that no row losses are written beside it.`,
      `${files[1]} is no longer there, so that no row losses are written beside it.`,
    ]);
    expect(files.map((file) => existsSync(beside(file)))).toEqual([false, false]);
    expect(await presentRowLossFiles(written)).toEqual([]);
  });

  it.each(["", "row,loss\n1,2\n", `${header},mine\n`, "source,row"])(
    "leaves a file alone that is no such table: %j",
    async (text) => {
      const { directory, files } = await runThatMet(met);
      const file = beside(files[0]!);
      writeFileSync(file, text);
      const written = await writeRowLossFiles(directory, 1);
      expect(written.files[0]!.problem).toMatch(/is no table of row losses and is left as it is/);
      expect(readFileSync(file, "utf8")).toBe(text);
    },
  );

  it("leaves a link alone, and replaces a table of another run", async () => {
    const { directory, files, losses } = await runThatMet(met);
    const file = beside(files[0]!);
    const elsewhere = join(dirname(file), "elsewhere.csv");
    writeFileSync(elsewhere, `${header}\n`);
    symlinkSync(elsewhere, file);
    expect((await writeRowLossFiles(directory, 1)).files[0]!.problem).toMatch(/is left as it is/);
    expect(readFileSync(elsewhere, "utf8")).toBe(`${header}\n`);
    rmSync(file);
    writeFileSync(file, `${header}\r\nother.jsonl,1,2,3,4,5\r\n`);
    utimesSync(losses, 1, 2);
    await writeRowLossFiles(directory, 1);
    expect(linesOf(file)).toHaveLength(3);
  });

  it("is no longer told of where somebody else has written there", async () => {
    const { directory, files } = await runThatMet(met);
    const written = await writeRowLossFiles(directory, 1);
    const file = beside(files[0]!);
    const { size } = statSync(file);
    writeFileSync(file, "x".repeat(size));
    utimesSync(file, 1, 2);
    expect(await presentRowLossFiles(written)).toEqual([]);
  });
});

it.each(["[]", "{", '{"pass":0,"readMs":1,"files":[]}', '{"pass":1,"readMs":1,"files":[{"file":"/etc/passwd"}]}'])(
  "takes no note of %s",
  async (text) => {
    const { directory } = await runThatMet(met);
    writeFileSync(join(directory, "row-losses.json"), text);
    expect(await readRowLossFiles(directory)).toBeNull();
  },
);

it("goes by the newest pass over a data set, whichever run made it", () => {
  const run = (time: number, ...datasets: string[]) => ({ time, datasets });
  const all = [run(1, "a"), run(2, "a", "b"), run(3, "a"), run(3, "c")];
  expect(all.map((one) => isSuperseded(one, all))).toEqual([true, false, false, false]);
});
