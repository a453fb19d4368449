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

  const marks = async (code = "over-length") =>
    (await client.diagnostics(URI)).filter((found) => found.code === code).map(({ range }) => range.start.line);

  it("are marked where they would be cut, with the count that preparation would find", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, `${SHORT}\n${LONG}`);
    const [diagnostic, ...others] = await client.diagnostics(URI);
    expect(others).toEqual([]);
    const { code, severity, message, range } = diagnostic!;
    expect([code, severity, range.start.line, range.end.line, range.end.character]).toEqual([
      "over-length",
      2,
      1,
      1,
      LONG.length - 2,
    ]);
    const [, lines] =
      /^The row has \d[\d,]+ tokens, more than the sequence length of 128: it would be cut in "output" after line (\d+); /.exec(
        message,
      )!;
    // Within the line of the text that the message counts to.
    const kept = LONG.slice(0, range.start.character);
    expect(kept.split("\\n").length - 1).toBe(Number(lines));
    expect(await client.summary(URI)).toMatchObject({ rows: 2, problems: { error: 0, warning: 1, information: 0 } });
  });

  it("are told from rows whose prompt alone fills the sequence", async () => {
    await client.initialize({ sequenceLength: 16, tokenizerPath: MODEL });
    await client.open(URI, LONG);
    expect(await marks()).toEqual([]);
    expect(await marks("answer-cut")).toEqual([0]);
  });

  it("are not looked for without a tokenizer", async () => {
    await client.initialize({ sequenceLength: 16, tokenizerPath: null });
    await client.open(URI, LONG);
    expect(await marks()).toEqual([]);
    expect(loads).toEqual([]);
  });

  it("are counted with all others, so that the total is known", async () => {
    await client.initialize({ sequenceLength: 4096, tokenizerPath: MODEL });
    await client.open(URI, `${SHORT}\n\n${LONG}\n{`);
    expect(await marks()).toEqual([]);
    const { tokens } = (await client.summary(URI))!;
    await client.edit(URI, { text: SHORT });
    const short = (await client.summary(URI))!.tokens!;
    await client.edit(URI, { text: LONG });
    const long = (await client.summary(URI))!.tokens!;
    expect(short).toBeGreaterThan(20);
    expect(tokens).toBe(short + long);
  });

  it("are measured once: an edit measures the rows it touches", async () => {
    await client.initialize({ sequenceLength: 128, tokenizerPath: MODEL });
    await client.open(URI, `${LONG}\n${LONG}\n${SHORT}`);
    expect(await marks()).toEqual([0, 1]);
    const before = encoded.length;
    const at = { line: 2, character: SHORT.length };
    await client.edit(URI, { range: { start: at, end: at }, text: `\n${LONG}` });
    expect(await marks()).toEqual([0, 1, 3]);
    // Prompt and answer of the third and the fourth line; that there is nothing else is what an edit may cost.
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
    expect(await marks()).toEqual([0]);
  });

  it("come with one word about a model that the data set is not for", async () => {
    await client.initialize({ sequenceLength: 1024, tokenizerPath: MODEL });
    const foreign = (n: number) => JSON.stringify({ instruction: `Count to ${n}`, output: `${n}</s>` });
    await client.open(URI, [SHORT, foreign(1), foreign(2)].join("\n"));
    expect(await marks("template-mismatch")).toEqual([1]);
    // The next row that shows it takes the mark over.
    await client.edit(URI, { range: { start: { line: 1, character: 0 }, end: { line: 2, character: 0 } }, text: "" });
    expect(await marks("template-mismatch")).toEqual([1]);
    await client.edit(URI, { range: { start: { line: 1, character: 0 }, end: { line: 9, character: 0 } }, text: "" });
    expect(await marks("template-mismatch")).toEqual([]);
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
