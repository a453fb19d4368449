/**
 * First-token latency and speed of completion with models/tiny-python, through the same code as the worker.
 *
 *   node scripts/bench.mjs completion-latency [--model EXPORT] [--threads N] [--rounds N]
 *
 * Prints the median and the fastest of the rounds: cold (nothing cached), typing (one more character than the request
 * before), and the tokens a second of a long generation.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Completer, type Completion } from "../src/completion-worker/completer";
import { codeAlone } from "../src/completion-worker/question";
import { exportBase } from "../src/model/export";

const HEADER = "import json\nimport os\n\n\n";
const FUNCTION = (i: number) =>
  `def load_section_${i}(path, name="section_${i}"):\n    """Read one section of a JSON file."""\n    with open(path, encoding="utf-8") as file:\n        data = json.load(file)\n    return data.get(name, {})\n\n\n`;
const TYPED = "def write_sections(path, sections):\n    with open(path, 'w') as file:\n        json.dump(sections, ";
const SUFFIX = "\n\n\nif __name__ == '__main__':\n    print(load_section_0(os.environ['SECTIONS']))\n";

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function figures(name: string, completions: Completion[]): void {
  const first = completions.map(({ firstTokenMs }) => firstTokenMs);
  const prompt = median(completions.map(({ promptTokens }) => promptTokens));
  const reused = median(completions.map(({ reusedTokens }) => reusedTokens));
  console.log(
    `${name.padEnd(34)} first token ${median(first).toFixed(1)} ms (fastest ${Math.min(...first).toFixed(1)}), ${prompt} prompt tokens, ${reused} reused`,
  );
}

async function measure(completer: Completer, functions: number, rounds: number): Promise<void> {
  const file = HEADER + Array.from({ length: functions }, (_, i) => FUNCTION(i)).join("");
  const request = { suffix: SUFFIX, multiline: false, maxTokens: 1 };
  const cold: Completion[] = [];
  const typing: Completion[] = [];
  for (let round = 0; round < rounds; ++round) {
    // Another first line: nothing of the round before can be reused.
    const prefix = `# round ${round}\n${file}`;
    cold.push(await completer.complete(codeAlone({ ...request, prefix })));
    for (let i = 10; i < TYPED.length; i += 7) {
      typing.push(await completer.complete(codeAlone({ ...request, prefix: prefix + TYPED.slice(0, i) })));
    }
  }
  figures(`${functions} functions above, cold`, cold);
  figures(`${functions} functions above, typing`, typing);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { model: { type: "string" }, threads: { type: "string" }, rounds: { type: "string" } },
  });
  const threads = Number(values.threads ?? 0);
  const rounds = Number(values.rounds ?? 20);
  const temporary = await mkdtemp(join(tmpdir(), "tunesmith-bench-"));
  try {
    const exportDir = values.model ? resolve(values.model) : join(temporary, "export");
    const start = performance.now();
    if (!existsSync(exportDir)) await exportBase(resolve("models/tiny-python"), exportDir, { engine: null });
    const exported = performance.now();
    const completer = await Completer.load(exportDir, { threads });
    const loaded = performance.now();
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${threads || "default"} threads, ${rounds} rounds`);
    console.log(`export ${(exported - start).toFixed(0)} ms, load ${(loaded - exported).toFixed(0)} ms`);
    for (const functions of [1, 5, 12]) await measure(completer, functions, rounds);

    const speeds: number[] = [];
    for (let round = 0; round < Math.ceil(rounds / 4); ++round) {
      const prefix = `# ${round}\n${HEADER}${FUNCTION(0)}class Section:\n    def `;
      const long = await completer.complete(codeAlone({ prefix, suffix: "", multiline: true, maxTokens: 128 }));
      if (long.generatedTokens > 8) {
        speeds.push((1000 * (long.generatedTokens - 1)) / (long.totalMs - long.firstTokenMs));
      }
    }
    console.log(`generation ${median(speeds).toFixed(0)} tokens/s (fastest ${Math.max(...speeds).toFixed(0)})`);
    console.log(`resident ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`);
    await completer.release();
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

main();
