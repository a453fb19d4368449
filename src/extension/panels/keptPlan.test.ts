import { describe, expect, it } from "vitest";
import { defaultForm } from "../runs/planForm";
import { hasBecome } from "./keptPlan";

const form = defaultForm("/data/sums.jsonl", "/models/tiny", 1024);
const keptAt = Date.parse("2026-11-22T18:00:00.000Z");
const plan = { kind: "plan", dataset: "/data/sums.jsonl", form, keptAt } as const;
const run = { name: "sums", createdAt: "2026-11-22T18:00:01.000Z", dataset: { path: "/data/sums.jsonl" } };

describe("a plan that was kept", () => {
  it("is the run that it was started as", () => {
    expect(hasBecome(plan, run)).toBe(true);
  });

  it.each([
    ["was there before", { ...run, createdAt: "2026-11-22T17:59:59.000Z" }],
    ["is of other data", { ...run, dataset: { path: "/data/products.jsonl" } }],
    ["is called something else", { ...run, name: "sums again" }],
    ["is another run's child", { ...run, parent: { run: "20261122-170000-sums", step: 20 } }],
  ])("stays what it is where a run %s", (_, other) => {
    expect(hasBecome(plan, other)).toBe(false);
  });

  it("stays what it is where an earlier version has kept it", () => {
    expect(hasBecome({ kind: "plan", dataset: plan.dataset, form }, run)).toBe(false);
  });
});
