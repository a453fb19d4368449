/** Other people's files become data sets, and data sets become other formats. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleRows } from "../../scripts/vscode/sample-workspace.mjs";
import { acceptPath, codeLens, toast } from "./editor";
import { Workbench } from "./workbench";

const rows = sampleRows().slice(0, 24);

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const column = (name: keyof (typeof rows)[number]) => ({ name, data: rows.map((row) => row[name]) });
  const columnData = [column("instruction"), column("input"), column("output")];
  writeFileSync(join(folder, "tasks.parquet"), Buffer.from(parquetWriteBuffer({ columnData })));
  // Columns that fit no format: they are asked for.
  const asked = rows.map(({ instruction, output }) => ({ task: instruction, code: output }));
  writeFileSync(join(folder, "answers.json"), JSON.stringify(asked, null, 1));
}

describe("import and conversion", () => {
  let workbench: Workbench;
  const saved = (name: string) =>
    workbench
      .read(name)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "import", writeWorkspace });
  });
  afterAll(() => workbench?.stop());

  it("makes a data set of a Parquet file", async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow("tasks.parquet"), "Import Data Set…");
    await acceptPath(workbench, "tasks.jsonl");
    await toast(workbench, "tasks.jsonl: 24 rows imported.").waitFor();
    await codeLens(workbench, /^alpaca · 24 rows .* no problems$/).waitFor();
    expect(saved("tasks.jsonl")).toEqual(rows);
    await workbench.screenshot("1-parquet");
    await workbench.command("Notifications: Clear All Notifications");
  });

  it("asks which column is which where the rows fit no format", async () => {
    await workbench.contextMenu(workbench.explorerRow("answers.json"), "Import Data Set…");
    await workbench.choose("The rows of answers.json fit no format", "Instructions with answers");
    await workbench.screenshot("2-columns");
    await workbench.choose("Which column holds instruction?", "task");
    await workbench.choose("Which column holds input?", "None");
    await workbench.choose("Which column holds output?", "code");
    await acceptPath(workbench, "answers.jsonl");
    await toast(workbench, "answers.jsonl: 24 rows imported.").waitFor();
    await codeLens(workbench, /^alpaca · 24 rows .* no problems$/).waitFor();
    expect(saved("answers.jsonl")[0]).toMatchObject({ instruction: rows[0]!.instruction, output: rows[0]!.output });
    await workbench.command("Notifications: Clear All Notifications");
  });

  it("converts a data set into conversations", async () => {
    await workbench.contextMenu(workbench.explorerRow("tasks.jsonl"), "Convert Dataset To…");
    await workbench.choose("Which format should tasks.jsonl be converted to?", "Conversations");
    await acceptPath(workbench, "tasks.chat.jsonl");
    await toast(workbench, "tasks.chat.jsonl: 24 rows converted").waitFor();
    await codeLens(workbench, /^chat · 24 rows .* no problems$/).waitFor();
    expect(saved("tasks.chat.jsonl")[0]).toEqual({
      messages: [
        { role: "user", content: rows[0]!.instruction },
        { role: "assistant", content: rows[0]!.output },
      ],
    });
    await workbench.screenshot("3-converted");
  });
});
