import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodePrompt } from "../dataset/encode";
import { prepareRun } from "../dataset/prepare";
import { templateById } from "../dataset/templates/registry";
import { loadTokenizer } from "../dataset/tokenizer";
import type { HeldOut } from "../protocol/run";
import { pinHeldOutInstructions } from "./heldOutSamples";
import { PromptRenderer } from "./prompts";
import { createRun } from "./runDirectory";
import { readSamples } from "./samples";
import { tinyPython, writeRows } from "./testing/engine";
import { newRun, temporaryFolder } from "./testing/testRun";

async function preparedRun({
  seed = 0,
  heldOut = { kind: "fraction", fraction: 0.3, by: "row" } as HeldOut,
  write = (file: string) => writeRows(file, 40),
} = {}) {
  const folder = temporaryFolder();
  const path = write(join(folder, "rows.jsonl"));
  const run = newRun({ model: { path: tinyPython, quantization: "none" }, sequenceLength: 256 });
  const { directory, spec } = await createRun(folder, {
    ...run,
    dataset: { ...run.dataset, path, heldOut },
    training: { ...run.training, seed },
  });
  const prepared = await prepareRun(spec, directory);
  return { directory, prepared };
}

describe("held-out instructions", () => {
  it("are pinned, three of them, with the tokens that the rows have and without an answer", async () => {
    const { directory } = await preparedRun();
    const pinned = await pinHeldOutInstructions(directory);
    expect(pinned).toHaveLength(3);
    expect(await readSamples(directory)).toEqual(pinned);
    const tokenizer = await loadTokenizer(tinyPython);
    for (const { instruction, text, ids, id, maxTokens } of pinned) {
      const row = Number(/^row-0-(\d+)$/.exec(id)![1]);
      expect(instruction).toBe(`Return ${row - 1}.`);
      expect(ids).toEqual(await encodePrompt(templateById("alpaca"), instruction, "", tokenizer));
      expect(text).toBe(await tokenizer.decode(ids, { controlTokens: true }));
      expect(text).not.toContain("def ");
      expect(maxTokens).toBe(96);
    }
  });

  it("are others with another seed, and the same with the same", async () => {
    const chosen = async (seed: number) =>
      (await pinHeldOutInstructions((await preparedRun({ seed })).directory)).map(({ id }) => id);
    const [first, again, other] = [await chosen(1), await chosen(1), await chosen(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("are none where nothing is held out, and leave prompts alone that are pinned already", async () => {
    const { directory } = await preparedRun({ heldOut: { kind: "none" } });
    expect(await pinHeldOutInstructions(directory)).toEqual([]);
    const other = await preparedRun();
    const pinned = await pinHeldOutInstructions(other.directory);
    expect(await pinHeldOutInstructions(other.directory)).toEqual([]);
    expect(await readSamples(other.directory)).toEqual(pinned);
  });

  it("of a chat are all that comes before the first answer", async () => {
    const { directory } = await preparedRun({
      write: (file) => {
        const rows = Array.from({ length: 12 }, (_, index) => ({
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: `Say ${index}.` },
            { role: "assistant", content: `answer ${index}` },
          ],
        }));
        writeFileSync(file, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
        return file;
      },
    });
    const [first] = await pinHeldOutInstructions(directory);
    expect(first!.instruction).toMatch(/^Say \d+\.$/);
    expect(first!.text).toContain("Be brief.");
    expect(first!.text).not.toContain("answer");
  });
});

it("renders what is typed as a row's instruction, and refuses what leaves no room for an answer", async () => {
  const { directory, prepared } = await preparedRun();
  const renderer = await PromptRenderer.ofRun(directory);
  const rendered = await renderer.instruction("Add.", "1, 2", 16);
  expect(rendered.instruction).toBe("Add.\n\n1, 2");
  expect(rendered.text).toContain("### Input:\n1, 2");
  const long = "word ".repeat(prepared.contract.contextLength);
  await expect(renderer.instruction(long, "", 16)).rejects.toThrow(
    /^The prompt has [\d,]+ tokens, and prompt and answer/,
  );
});
