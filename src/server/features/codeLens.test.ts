import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CodeLens } from "vscode-languageserver";
import { TestClient } from "../testing/client";
import { lensText } from "./codeLens";

const URI = "file:///data.jsonl";
const MODEL = join(__dirname, "../../../models/tiny-python");
const ROW = '{"instruction": "a", "output": "b = 1"}';

describe("the code lens", () => {
  let client: TestClient;
  beforeEach(() => {
    client = TestClient.inProcess();
  });
  afterEach(() => client.dispose());

  const lenses = async (uri = URI) => client.request<CodeLens[]>("textDocument/codeLens", { textDocument: { uri } });

  it("stands on the first row and says what the data set is and what can be done with it", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, `\n${ROW}\n{"instruction": "a", "output": ""}\n`);
    const { tokens } = (await client.summary(URI))!;
    const found = await lenses();
    expect(found.map(({ command }) => command!.title)).toEqual([
      `alpaca · 2 rows · ${tokens} tokens · 1 problem`,
      "Fine-tune",
      "Validate",
      "Preview",
      "Edit row",
      "Dataset view",
    ]);
    expect(new Set(found.map(({ range }) => range.start.line))).toEqual(new Set([1]));
    expect(found[1]!.command!.arguments![0]).toBe(URI);
    await client.until(() => (client.lensRefreshes > 0 ? true : undefined));
  });

  it("offers no run where a file is not on the disk, or cannot be fine-tuned on", async () => {
    await client.initialize();
    await client.open("untitled:Untitled-1", ROW);
    await client.summary("untitled:Untitled-1");
    expect((await lenses("untitled:Untitled-1")).map(({ command }) => command!.title)).toEqual([
      "alpaca · 1 row · no problems",
      "Preview",
      "Edit row",
    ]);
    await client.open(URI, '{"prompt": "p", "chosen": "a", "rejected": "b"}');
    await client.summary(URI);
    expect((await lenses()).map(({ command }) => command!.title)).not.toContain("Fine-tune");
  });

  it("is none on what is no data set", async () => {
    await client.initialize();
    await client.open(URI, '{"level": "info"}');
    await client.summary(URI);
    expect(await lenses()).toEqual([]);
    expect(await lenses("file:///closed.jsonl")).toEqual([]);
  });

  it("gives large figures in short", () => {
    const problems = { error: 3, warning: 1200, information: 9 };
    expect(lensText({ format: "alpaca", rows: 18_612, tokens: 2_234_567, problems })).toBe(
      "alpaca · 18,612 rows · 2.23 M tokens · 1,203 problems",
    );
    expect(
      lensText({ format: "chat", rows: 1, tokens: 45_678, problems: { error: 0, warning: 0, information: 4 } }),
    ).toBe("chat · 1 row · 45.7 k tokens · no problems");
  });
});
