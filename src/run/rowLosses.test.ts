import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { reportRowLosses } from "./rowLosses";
import { writeRowLossTable } from "./rowLossTable";
import { lossRecords, runThatMet } from "./testing/rowLosses";
import { temporaryFolder } from "./testing/testRun";

describe("the rows that cost most", () => {
  it("are listed with the highest loss first, with how they begin and the step that met them", async () => {
    const { directory, files } = await runThatMet([
      { row: 3, loss: 1 },
      { row: 7, loss: 4.5 },
      { row: 9, loss: 2 },
    ]);
    const report = await reportRowLosses(directory, 1);
    expect(report).toMatchObject({ pass: 1, met: 3, median: 2, sources: [{ path: files[0], state: "unchanged" }] });
    expect(report.worst.map(({ row, loss, step }) => [row, loss, step])).toEqual([
      [7, 4.5, 2],
      [9, 2, 3],
      [3, 1, 1],
    ]);
    expect(report.worst[0]!.preview).toBe("Do 7.");
  });

  it("leave out rows that the pass has not met, and name one that it met twice once", async () => {
    const { directory } = await runThatMet([
      { row: 1, loss: Number.NaN },
      { row: 2, loss: 1 },
      { row: 2, loss: 3 },
      { row: 5, loss: 2 },
    ]);
    const report = await reportRowLosses(directory, 1);
    expect(report.met).toBe(3);
    expect(report.worst.map(({ row, loss }) => [row, loss])).toEqual([
      [2, 3],
      [5, 2],
    ]);
  });

  it("are marked source by source: a twentieth of the rows, and at most 200", async () => {
    const many = Array.from({ length: 9000 }, (_, index) => ({
      row: (index % 4500) + 1,
      loss: index / 100,
      source: index % 2,
    }));
    const { directory } = await runThatMet(many, 10, 2);
    const { marked, worst, median } = await reportRowLosses(directory, 1);
    expect(marked.map((rows) => rows.length)).toEqual([200, 200]);
    expect(worst).toHaveLength(50);
    expect(worst[0]).toMatchObject({ source: 1, row: 4500, loss: Math.fround(89.99) });
    expect(median).toBeCloseTo(44.995, 2);
    const few = await runThatMet(Array.from({ length: 40 }, (_, index) => ({ row: index + 1, loss: index })));
    expect((await reportRowLosses(few.directory, 1)).marked).toEqual([
      [
        { row: 40, loss: 39 },
        { row: 39, loss: 38 },
      ],
    ]);
  });

  it("say that a file has changed, or is gone", async () => {
    const { directory, files } = await runThatMet([{ row: 2, loss: 1 }]);
    const before = readFileSync(files[0]!, "utf8");
    writeFileSync(files[0]!, before.replace("Do 9.", "Do 8."));
    expect((await reportRowLosses(directory, 1)).sources[0]!.state).toBe("changed");
    writeFileSync(files[0]!, `${before}\n{}`);
    expect((await reportRowLosses(directory, 1)).sources[0]!.state).toBe("changed");
    rmSync(files[0]!);
    const report = await reportRowLosses(directory, 1);
    expect(report.sources[0]!.state).toBe("missing");
    expect(report.worst[0]!.preview).toBe("");
  });

  it("are refused where the files do not belong together, are damaged or lead elsewhere", async () => {
    const { directory, losses } = await runThatMet([{ row: 2, loss: 1 }]);
    writeFileSync(
      losses,
      lossRecords([
        { row: 2, loss: 1 },
        { row: 3, loss: 1 },
      ]),
    );
    await expect(reportRowLosses(directory, 1)).rejects.toThrow("is of other data than");
    writeFileSync(losses, "TSLOSSES");
    await expect(reportRowLosses(directory, 1)).rejects.toThrow("is damaged");
    rmSync(losses);
    symlinkSync("/etc/passwd", losses);
    await expect(reportRowLosses(directory, 1)).rejects.toThrow(losses);
    await expect(reportRowLosses(directory, 2)).rejects.toThrow("pass-2.losses");
  });
});

it("writes all rows as a table, with quotes where a path needs them", async () => {
  const { directory, files } = await runThatMet([
    { row: 3, loss: 1.5 },
    { row: 4, loss: Number.NaN },
    { row: 7, loss: 4.25 },
  ]);
  const output = join(temporaryFolder(), "rows.losses.csv");
  expect(await writeRowLossTable(directory, 1, output)).toBe(2);
  const path = `"${files[0]!.replaceAll('"', '""')}"`;
  expect(readFileSync(output, "utf8")).toBe(
    `source,row,loss,tokens,targets,step\n${path},3,1.500000,10,4,1\n${path},7,4.250000,10,4,3\n`,
  );
});
