import { it } from "vitest";
import { Random, runCase } from "./incrementalAnalysis";

/** More of them: `npm run fuzz -- 1000000`. */
const CASES = 3000;

it(`${CASES} random documents and edits: incremental equals from scratch`, { timeout: 60_000 }, async () => {
  const random = new Random(20_261_123);
  for (let done = 0; done < CASES; done++) await runCase(random);
});
