/** `npm run fuzz -- [CASES] [SEED]`: random edits, as many as are asked for. */

import { Random, runCase } from "./incrementalAnalysis";

const REPORT_EVERY = 100_000;

async function main(): Promise<void> {
  const cases = Number(process.argv[2] ?? 100_000);
  const random = new Random(Number(process.argv[3] ?? 1));
  let edits = 0;
  for (let done = 1; done <= cases; done++) {
    edits += await runCase(random);
    if (done % REPORT_EVERY === 0 || done === cases) console.log(`${done} documents, ${edits} edits: all equal`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
