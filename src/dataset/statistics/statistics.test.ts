import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rowFacts } from "../duplicates/rowFacts";
import { row } from "../duplicates/testTexts";
import { SplitCount } from "./splitCount";
import { StatisticsCounter } from "./statistics";

const add = rowFacts(row("Write a function that adds two numbers.", "def add(a, b):\n    return a + b"));
const yes = rowFacts(row("What is it?", "It is so."));

function counted(): StatisticsCounter {
  const counter = new StatisticsCounter();
  counter.add({ format: "alpaca", usable: true, facts: add, tokens: 20 });
  counter.add({ format: "alpaca", usable: true, facts: yes, tokens: 8 });
  counter.add({ format: "alpaca", usable: false, facts: yes });
  counter.add({ format: null, usable: false, facts: null });
  return counter;
}

describe("the statistics of a data set", () => {
  it("count rows by format, task and language: those that are used", () => {
    const statistics = counted().finish({ train: 1, heldOut: 1 });
    expect(statistics).toMatchObject({
      rows: 4,
      usable: 2,
      formats: [
        { format: "alpaca", rows: 3, usable: 2 },
        { format: "unknown", rows: 1, usable: 0 },
      ],
      languages: [
        { language: "python", rows: 1 },
        { language: "prose", rows: 1 },
      ],
      tasks: [
        { task: "write", rows: 1 },
        { task: "what", rows: 1 },
      ],
      moreTasks: 0,
      split: { train: 1, heldOut: 1 },
    });
    expect(JSON.parse(JSON.stringify(statistics))).toEqual(statistics);
  });

  it("give lengths in tokens only where every usable row is counted", () => {
    const counter = counted();
    expect(counter.finish().length).toMatchObject({ unit: "tokens", rows: 2, total: 28, min: 8, max: 20, mean: 14 });
    counter.add({ format: "alpaca", usable: true, facts: yes });
    expect(counter.finish().length).toMatchObject({ unit: "characters", rows: 3, min: 20 });
    expect(counter.finish().answerLength).toMatchObject({ min: 9, p50: 9, max: 31 });
  });

  it("count problems, and the rows that have them", () => {
    const counter = counted();
    counter.addProblems(["secret", "secret", "duplicate-row"]);
    counter.addProblems(["secret"]);
    counter.addProblems(["near-duplicate"]);
    const { problems, duplicates } = counter.finish();
    expect(problems).toEqual([
      { check: "secret", problems: 3, rows: 2 },
      { check: "duplicate-row", problems: 1, rows: 1 },
      { check: "near-duplicate", problems: 1, rows: 1 },
    ]);
    expect(duplicates).toEqual({ exact: 1, near: 1, conflicting: 0, leaked: 0 });
  });

  it("are zeros for an empty file", () => {
    const statistics = new StatisticsCounter().finish();
    expect(statistics).toMatchObject({ rows: 0, formats: [], tasks: [], split: null });
    expect(statistics.length).toEqual({
      unit: "characters",
      rows: 0,
      total: 0,
      mean: 0,
      min: 0,
      max: 0,
      p5: 0,
      p25: 0,
      p50: 0,
      p75: 0,
      p95: 0,
      p99: 0,
      histogram: [],
    });
  });

  it("list twenty tasks and say how many more there are", () => {
    const counter = new StatisticsCounter();
    for (let task = 0; task < 23; task++) {
      for (let row = 0; row <= task; row++) {
        counter.add({ format: "alpaca", usable: true, facts: { ...yes, task: `task ${task}` } });
      }
    }
    const { tasks, moreTasks } = counter.finish();
    expect([tasks.length, tasks[0], moreTasks]).toEqual([20, { task: "task 22", rows: 23 }, 3]);
  });
});

it("the split is the one that a run makes, counted in two passes", () => {
  const split = new SplitCount({ fraction: 0.2, by: "row", seed: 1 });
  const rows = Array.from({ length: 1000 }, (_, number) => ({ text: `row ${number}`, source: null }));
  for (const one of rows) split.plan(one);
  const heldOut = rows.filter((one) => split.count(one)).length;
  expect(split.counts).toEqual({ train: 1000 - heldOut, heldOut });
  expect(heldOut).toBeGreaterThan(150);
  expect(heldOut).toBeLessThan(250);
});

const real = new URL("../../../../shared/data/instruct/gpteacher_codegen-instruct.json", import.meta.url);

it.runIf(existsSync(real))("4,535 real rows have plausible tasks and languages", () => {
  const rows = JSON.parse(readFileSync(real, "utf8")) as { instruction: string; input: string; response: string }[];
  const counter = new StatisticsCounter();
  for (const { instruction, input, response } of rows) {
    counter.add({ format: "alpaca", usable: true, facts: rowFacts(row(instruction, response, { context: input })) });
  }
  const { languages, tasks, moreTasks } = counter.finish();
  const of = (language: string) => languages.find((entry) => entry.language === language)?.rows ?? 0;
  expect(of("python")).toBeGreaterThan(1000);
  expect(of("prose") + of("other code") + of("none")).toBeLessThan(rows.length * 0.15);
  expect(tasks.slice(0, 3).map(({ task }) => task)).toEqual(["write", "create", "how"]);
  expect(moreTasks).toBeGreaterThan(0);
  expect(tasks.find(({ task }) => task === "other")?.rows ?? 0).toBeLessThan(rows.length * 0.02);
});
