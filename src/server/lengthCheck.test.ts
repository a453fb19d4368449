import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DatasetError } from "../dataset/problem";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { TestClient } from "./testing/client";

const MODEL = join(__dirname, "../../models/tiny-python");
const URI = "file:///data.jsonl";
const row = (answer: string) => JSON.stringify({ instruction: `Count ${answer.length}`, output: answer });
const SHORT = row("1 + 1");
const LONG = row(Array.from({ length: 60 }, (_, n) => `value${n} = ${n} + 2\n`).join(""));

describe("over-length rows", () => {
  let client: TestClient;
  let loads: string[];
  let encoded: string[];

  /** The real tokenizer, watched. */
  async function load(folder: string): Promise<Tokenizer> {
    loads.push(folder);
    const tokenizer = await loadTokenizer(folder);
    const encode = tokenizer.encode.bind(tokenizer);
    tokenizer.encode = (texts) => {
      encoded.push(...texts);
      return encode(texts);
    };
    return tokenizer;
  }

  beforeEach(() => {
    loads = [];
    encoded = [];
    client = TestClient.inProcess(load);
  });
  afterEach(() => client.dispose());

  const marks = async () =>
    (await client.diagnostics(URI)).filter(({ code }) => code === "over-length").map(({ range, code, severity }) => [
      range.start.line,
      range.start.character,
      range.end.character,
      code,
      severity,
    ]);
  const MARK = (line: number) => [line, 0, 14, "over-length", 2];

  it("are marked at their head, with the count that preparation would find", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, `${SHORT}\n${LONG}`);
    expect(await marks()).toEqual([MARK(1)]);
    const [diagnostic] = await client.diagnostics(URI);
    expect(diagnostic!.message).toMatch(/^The row has \d[\d,]+ tokens, more than the sequence length of 128: /);
    expect(await client.summary(URI)).toEqual({ format: "alpaca", rows: 2, problems: { error: 0, warning: 1, information: 0 } });
  });

  it("are not looked for without a tokenizer", async () => {
    await client.initialize({ sequenceLength: 16, tokenizerPath: null });
    await client.open(URI, LONG);
    expect(await marks()).toEqual([]);
    expect(loads).toEqual([]);
  });

  it("cost no tokenizer while every row is too short to be one", async () => {
    await client.initialize({ sequenceLength: 4096, tokenizerPath: MODEL });
    await client.open(URI, `${SHORT}\n${LONG}\n{`);
    expect(await marks()).toEqual([]);
    await client.summary(URI);
    expect(loads).toEqual([]);
  });

  it("are measured once: an edit measures the rows it touches", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, `${LONG}\n${LONG}\n${SHORT}`);
    expect(await marks()).toEqual([MARK(0), MARK(1)]);
    const before = encoded.length;
    const at = { line: 2, character: SHORT.length };
    await client.edit(URI, { range: { start: at, end: at }, text: `\n${LONG}` });
    expect(await marks()).toEqual([MARK(0), MARK(1), MARK(3)]);
    // Prompt and answer of the third and the fourth line.
    expect(encoded.length - before).toBe(4);
    expect(loads).toEqual([MODEL]);
  });

  it("follow the settings", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, LONG);
    await marks();
    await client.configure({ tunesmith: { sequenceLength: 100_000, tokenizerPath: MODEL } });
    expect(await marks()).toEqual([]);
    await client.configure({ tunesmith: { sequenceLength: 0, tokenizerPath: MODEL } });
    expect(await client.summary(URI)).toMatchObject({ problems: { warning: 0 } });
    await client.configure({ tunesmith: { sequenceLength: 64, tokenizerPath: MODEL } });
    expect(await marks()).toEqual([MARK(0)]);
  });

  it("are given up with one message when the tokenizer cannot be read; the other checks go on", async () => {
    const missing = join(__dirname, "no-such-model");
    await client.initialize({ sequenceLength: 16, tokenizerPath: missing });
    await client.open(URI, `${LONG}\n{`);
    const message = await client.until(() => client.messages[0]);
    expect(message).toContain(missing);
    expect(message).toContain("tunesmith.tokenizerPath");
    await client.edit(URI, { text: `${LONG}\n[` });
    expect(await marks()).toEqual([]);
    await client.summary(URI);
    expect(client.messages).toEqual([message]);
    await expect(loadTokenizer(missing)).rejects.toBeInstanceOf(DatasetError);
  });
});
