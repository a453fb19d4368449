// A folder to try Tunesmith in: a data set of small Python tasks with one broken row, and a Python file.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Singular and plural of what the functions are about. */
const things = [
  ["price", "prices"],
  ["order", "orders"],
  ["score", "scores"],
  ["length", "lengths"],
  ["weight", "weights"],
  ["distance", "distances"],
  ["reading", "readings"],
  ["invoice", "invoices"],
  ["sample", "samples"],
  ["balance", "balances"],
  ["duration", "durations"],
  ["rate", "rates"],
  ["height", "heights"],
  ["volume", "volumes"],
  ["grade", "grades"],
  ["temperature", "temperatures"],
  ["payment", "payments"],
  ["point", "points"],
  ["angle", "angles"],
  ["delay", "delays"],
  ["speed", "speeds"],
  ["ratio", "ratios"],
  ["token", "tokens"],
  ["deposit", "deposits"],
  ["cost", "costs"],
];

const tasks = [
  (one, many) => [`Return the largest ${one}.`, `def largest_${one}(${many}):\n    return max(${many})`],
  (one, many) => [`Return the smallest ${one}.`, `def smallest_${one}(${many}):\n    return min(${many})`],
  (one, many) => [`Add up all ${many}.`, `def total_${one}(${many}):\n    return sum(${many})`],
  (one, many) => [
    `Return the mean of the ${many}, or 0 if there are none.`,
    `def mean_${one}(${many}):\n    if not ${many}:\n        return 0\n    return sum(${many}) / len(${many})`,
  ],
  (one, many) => [
    `Count the ${many} above a limit.`,
    `def count_${many}_above(${many}, limit):\n    return sum(1 for ${one} in ${many} if ${one} > limit)`,
  ],
  (one, many) => [
    `Keep the ${many} below a limit.`,
    `def ${many}_below(${many}, limit):\n    return [${one} for ${one} in ${many} if ${one} < limit]`,
  ],
  (_one, many) => [
    `Sort the ${many} from high to low.`,
    `def sort_${many}(${many}):\n    return sorted(${many}, reverse=True)`,
  ],
  (one, many) => [
    `Scale every ${one} by a factor.`,
    `def scale_${many}(${many}, factor):\n    return [${one} * factor for ${one} in ${many}]`,
  ],
  (one, many) => [
    `Remove repeated ${many} and keep their order.`,
    `def unique_${many}(${many}):\n    seen = set()\n    result = []\n    for ${one} in ${many}:\n        if ${one} not in seen:\n            seen.add(${one})\n            result.append(${one})\n    return result`,
  ],
  (one, many) => [
    `Return the differences between neighbouring ${many}.`,
    `def ${one}_differences(${many}):\n    return [after - before for before, after in zip(${many}, ${many}[1:])]`,
  ],
  (one, many) => [
    `Group the ${many} by a key function.`,
    `def group_${many}(${many}, key):\n    groups = {}\n    for ${one} in ${many}:\n        groups.setdefault(key(${one}), []).append(${one})\n    return groups`,
  ],
  (one, many) => [
    `Return the index of the first ${one} above a limit, or -1.`,
    `def find_${one}(${many}, limit):\n    for index, ${one} in enumerate(${many}):\n        if ${one} > limit:\n            return index\n    return -1`,
  ],
];

/** 300 rows in the alpaca format; the same ones every time. */
export function sampleRows() {
  return things.flatMap(([one, many]) =>
    tasks.map((task) => {
      const [instruction, output] = task(one, many);
      return { instruction, input: "", output };
    }),
  );
}

/** The broken row lacks its closing brace. */
export const BROKEN_ROW = 7;

export const PYTHON_FILE = `"""Figures of a small shop."""


def largest_price(prices):
    return max(prices)


def mean_price(prices):
    if not prices:
        return 0
    return sum(prices) / len(prices)
`;

export function writeSampleWorkspace(folder, { rows = sampleRows().length } = {}) {
  mkdirSync(folder, { recursive: true });
  const lines = sampleRows()
    .slice(0, rows)
    .map((row) => JSON.stringify(row));
  lines[BROKEN_ROW - 1] = lines[BROKEN_ROW - 1].slice(0, -1);
  writeFileSync(join(folder, "functions.jsonl"), `${lines.join("\n")}\n`);
  writeFileSync(join(folder, "shop.py"), PYTHON_FILE);
}
