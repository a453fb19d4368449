/**
 * What guessing tokens from the code so far and verifying them in one run saves (src/model/promptLookup.ts), at cursors in
 * Python files, with the prompts and the word healing of completion.
 *
 *   node scripts/bench.mjs completion-drafts [--model EXPORT] [--files DIR] [--cursors N] [--threads N]
 *
 * Each cursor is completed without and with drafts of several lengths, over a prompt that is cached, in turns that change
 * from cursor to cursor. Per length: processor time as a share of that without drafts; the share of drafted tokens that held;
 * at how many cursors the tokens were others (only where activations are rounded). The last column puts the same runs at their costs at the shape of
 * Llama-3.2-1B: 27 ms, and 9 ms more for each drafted token (int4, two cores).
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { codePrompt } from "../src/completion-worker/prompt";
import { codeAlone } from "../src/completion-worker/question";
import { TokenTexts, WordHealing } from "../src/completion-worker/wordHealing";
import { loadTokenizer } from "../src/dataset/tokenizer";
import { readContract } from "../src/model/contract";
import { exportBase } from "../src/model/export";
import { OnnxLlama } from "../src/model/session";
import type { CodeQuestion } from "../src/protocol/worker";

/** The longest draft; its length follows how often drafts hold. */
const DRAFTS = [0, 1, 2, 3, 4, 6];
const RUN_MS = 27;
const DRAFTED_MS = 9;
/** Lines of a block that are generated at most. */
const BLOCK_LINES = 4;

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Half of the cursors stand in the middle of a line, half at the beginning of one where a block is wanted. */
async function questionsIn(folder: string, count: number): Promise<CodeQuestion[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".py")).sort();
  const random = generator(11);
  const questions: CodeQuestion[] = [];
  while (questions.length < count) {
    const lines = (await readFile(join(folder, names[random(names.length)]!), "latin1")).split("\n");
    const at = random(lines.length);
    const line = lines[at]!;
    if (at < 20 || line.trim().length < 8) continue;
    const multiline = questions.length % 2 === 0;
    const cut = multiline ? line.length - line.trimStart().length : Math.floor(line.length / 2);
    const prefix = [...lines.slice(Math.max(0, at - 150), at), line.slice(0, cut)].join("\n");
    const suffix = `\n${lines.slice(at + (multiline ? 4 : 1), at + 40).join("\n")}`;
    questions.push(codeAlone({ prefix, suffix, multiline, maxTokens: 64 }));
  }
  return questions;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      files: { type: "string", default: "/usr/lib/python3.11" },
      cursors: { type: "string", default: "100" },
      threads: { type: "string", default: "1" },
    },
  });
  const temporary = await mkdtemp(join(tmpdir(), "tunesmith-bench-"));
  try {
    const exportDir = values.model ? resolve(values.model) : join(temporary, "export");
    if (!values.model) await exportBase(resolve("models/tiny-python"), exportDir, { engine: null });
    const questions = await questionsIn(values.files, Number(values.cursors));
    const contract = readContract(join(exportDir, "contract.json"));
    const tokenizer = await loadTokenizer(exportDir);
    const texts = await TokenTexts.of(tokenizer);
    const model = await OnnxLlama.load(exportDir, {
      threads: Number(values.threads),
      maxPositions: contract.contextLength,
    });
    const figures = DRAFTS.map(() => ({ ms: 0, runs: 0, drafted: 0, accepted: 0, different: 0 }));
    let generated = 0;
    for (const [turn, question] of questions.entries()) {
      const prompt = await codePrompt(contract, tokenizer, question, question.maxTokens);
      const generate = (draft: number, maxTokens: number, onToken?: (id: number) => Promise<boolean>) => {
        const healing = new WordHealing(texts, prompt.word);
        return model.generate(prompt.ids, { maxTokens, draft, onToken, choose: (logits) => healing.choose(logits) });
      };
      // So many tokens are wanted here; and now the prompt is cached.
      const ids: number[] = [];
      const plain = await generate(0, question.maxTokens, async (id) => {
        ids.push(id);
        const lines = (await tokenizer.decode(ids)).split("\n").length - 1;
        return tokenizer.isControl(id) || lines >= (question.multiline ? BLOCK_LINES : 1);
      });
      const { length } = plain.tokens;
      generated += length;
      const written: string[] = [];
      for (let i = 0; i < DRAFTS.length; ++i) {
        const which = (i + turn) % DRAFTS.length;
        const figure = figures[which]!;
        const before = process.cpuUsage();
        const { tokens, drafted, accepted } = await generate(DRAFTS[which]!, length);
        const { user, system } = process.cpuUsage(before);
        figure.ms += (user + system) / 1000;
        figure.drafted += drafted;
        figure.accepted += accepted;
        figure.runs += length - accepted;
        written[which] = tokens.join();
      }
      written.forEach((tokens, i) => {
        if (tokens !== written[0]) figures[i]!.different += 1;
      });
    }
    console.log(`${questions.length} cursors, ${generated} tokens, ${values.threads} thread(s)`);
    console.log("draft     time  held  other tokens  time at 1B");
    DRAFTS.forEach((draft, i) => {
      const { ms, runs, drafted, accepted, different } = figures[i]!;
      const share = (value: number, of: number) => (of === 0 ? "-" : (value / of).toFixed(2)).padStart(5);
      const large = share(RUN_MS * runs + DRAFTED_MS * drafted, RUN_MS * figures[0]!.runs);
      console.log(
        `${draft}       ${share(ms, figures[0]!.ms)} × ${share(accepted, drafted)}  ${String(different).padStart(12)}  ${large} ×`,
      );
    });
    await model.release();
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

main();
