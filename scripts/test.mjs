// Runs the tests. Usage: node scripts/test.mjs [part …]    (all parts if none is named)
// The last line is `N passed, N failed` or `N passed, N failed, N skipped`; exit code 1 on any failure.
import { SetupError } from "./setup/process.mjs";
import { createSetup } from "./setup.mjs";

/** In the order in which they run: what is quick to tell comes first. */
const parts = {
  lint: () => import("./test/lint.mjs"),
  unit: () => import("./test/unit.mjs"),
  native: () => import("./test/native.mjs"),
  exthost: () => import("./test/exthost.mjs"),
  e2e: () => import("./test/e2e.mjs"),
};

const describe = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

async function runPart(name, part, setup) {
  console.log(`\n=== ${name} ===`);
  const start = Date.now();
  let counts;
  try {
    await Promise.all(part.needs.map((need) => setup[need]()));
    counts = await part.run(setup);
    // Nothing counted is a part that did not run.
    if (counts.passed + counts.failed + counts.skipped === 0) throw new Error(`${name} ran no test.`);
  } catch (error) {
    console.error(error instanceof SetupError ? error.message : error);
    counts = { passed: 0, failed: 1, skipped: 0, failures: [String(error)] };
  }
  console.log(`=== ${name}: ${describe(counts)} (${((Date.now() - start) / 1000).toFixed(0)} s) ===`);
  return { name, ...counts };
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`There is no test part "${unknown}": name ${Object.keys(parts).join(", ")}.`);
  process.exit(2);
}
const chosen = [];
for (const name of names.length > 0 ? names : Object.keys(parts)) chosen.push({ name, part: await parts[name]() });

const setup = createSetup([...new Set(chosen.flatMap(({ part }) => part.purposes))]);
// All of the set-up at once, since installing waits on the network and building on the processor.
const needs = [...new Set(chosen.flatMap(({ part }) => part.needs))];
await setup.packages().catch(() => {});
await Promise.allSettled(needs.map((need) => setup[need]()));

const results = [];
for (const { name, part } of chosen) results.push(await runPart(name, part, setup));
const total = { passed: 0, failed: 0, skipped: 0 };
console.log("");
// Here, so that a log of which only the end is kept still says what failed.
for (const { notes = [] } of results) for (const note of notes) console.log(note);
for (const { name, failures = [] } of results)
  for (const failure of failures) console.log(`${name} failed: ${failure}`);
for (const result of results) {
  console.log(`${result.name.padEnd(8)} ${describe(result)}`);
  for (const key of Object.keys(total)) total[key] += result[key];
}
process.exitCode = total.failed > 0 ? 1 : 0;
console.log(describe(total));
