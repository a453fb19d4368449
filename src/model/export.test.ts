import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ExportRecord } from "../protocol/run";
import { choosePrecision } from "./choosePrecision";
import { exportRun, reportedLoss } from "./export";
import { readExport, sha256OfFile } from "./exportFolder";
import { heldOutLoss } from "./heldOutLoss";
import { ENGINE, golden, goldenFolder, goldenRun, loadModel, TINY_PYTHON, temporaryFolder } from "./testModel";

const documents = golden("peft-r8").sequences.map(({ ids, labels }, i) => ({
  ids,
  targets: labels.flatMap((label, at) => (label === -100 ? [] : [at])),
  source: 0,
  row: i + 1,
  kind: "instruct" as const,
}));

describe("the merged adapter against PEFT's figures", () => {
  it("has the first loss before training, and less than the last after it", async () => {
    const { losses } = golden("peft-r8").lora;
    const start = await loadModel(TINY_PYTHON, join(goldenFolder("peft-r8"), "adapter_init"));
    expect(Math.abs((await heldOutLoss(start, documents)).loss - losses[0]!)).toBeLessThan(2e-5);
    const end = await loadModel(TINY_PYTHON, join(goldenFolder("peft-r8"), "adapter_final"));
    const { loss } = await heldOutLoss(end, documents);
    expect(loss).toBeLessThan(losses.at(-1)!);
    // One step further on a curve that falls by 15 % a step.
    expect(loss).toBeGreaterThan(losses.at(-1)! * 0.75);
  });
});

describe("exporting a run", () => {
  function requireEngine(): void {
    if (!existsSync(ENGINE)) throw new Error(`The gate needs the engine at ${ENGINE}: build it first (npm run build).`);
  }
  async function finishedRun(adapter = "adapter_final"): Promise<string> {
    requireEngine();
    const run = await goldenRun("peft-r8");
    cpSync(join(goldenFolder("peft-r8"), adapter), join(run, "adapter"), { recursive: true });
    return run;
  }

  it("passes the gate with a trained adapter, and offers the result", { timeout: 240_000 }, async () => {
    const run = await finishedRun();
    const stages = new Set<string>();
    const record = await exportRun(run, { engine: ENGINE, threads: 1, onProgress: (stage) => stages.add(stage) });
    expect(record.parity).toMatchObject({
      passed: true,
      reasons: [],
      prompts: 8,
      greedyTokensCompared: 512,
      greedyTokensEqual: true,
    });
    expect(record.parity!.maxAbsLogitDifference).toBeLessThan(1e-3);
    expect(record.parity!.onnxHeldOutLoss).toBeCloseTo(record.parity!.engineHeldOutLoss!, 4);
    expect(record.adapterSha256).toBe(await sha256OfFile(join(run, "adapter/adapter_model.safetensors")));
    expect([...stages]).toHaveLength(4);
    expect(await readExport(join(run, "export"))).toEqual(record);
    expect(readdirSync(run).sort()).toEqual(["adapter", "contract.json", "data", "export", "run.json"]);
  });

  it.each(["int8", "int4"] as const)("measures what %s costs", { timeout: 240_000 }, async (precision) => {
    // One that has learned its few rows by heart has next to no loss to compare with.
    const run = await finishedRun("adapter_init");
    const { parity, files, ...record } = await exportRun(run, { engine: ENGINE, threads: 1, precision });
    expect(record.precision).toBe(precision);
    expect(parity).toMatchObject({ passed: true, reasons: [] });
    expect(parity!.meanDivergence).toBeGreaterThan(0);
    const rise = parity!.onnxHeldOutLoss! / parity!.engineHeldOutLoss! - 1;
    expect(Math.abs(rise)).toBeLessThan(precision === "int8" ? 0.01 : 0.1);
    expect(parity!.warnings?.length ?? 0).toBe(rise > 0.02 ? 1 : 0);
    const size = files.find(({ path }) => path === "model.onnx.data")!.bytes;
    const rope = 2 * 4096 * 32 * 4;
    // 16 M weights, a scale and a zero point a block.
    expect(size - rope).toBeLessThan(15.8e6 * (precision === "int8" ? 1.05 : 0.7));
    expect((await readExport(join(run, "export"))).precision).toBe(precision);
  });

  it("measures all precisions and keeps the chosen one", { timeout: 240_000 }, async () => {
    const run = await finishedRun("adapter_init");
    cpSync(join(run, "data/eval.tokens"), join(run, "data/train.tokens"));
    cpSync(join(run, "data/eval.documents"), join(run, "data/train.documents"));
    const record = await exportRun(run, { engine: ENGINE, threads: 1, precision: "auto" });
    expect(record.measured!.map(({ precision }) => precision)).toEqual(["fp32", "int8", "int4"]);
    const [exact, , int4] = record.measured!;
    expect(exact!.lossRise).toBe(0);
    expect(exact!.heldOutLoss).toBeCloseTo(record.parity!.engineHeldOutLoss!, 3);
    // Calibrated on the very rows that it is held to.
    expect(int4!.lossRise).toBeLessThan(0.03);
    expect(int4!.bytes).toBeLessThan(exact!.bytes / 4);
    expect(record.precision).toBe(choosePrecision(record.measured!));
    expect(record.parity!.passed).toBe(true);
    expect(readdirSync(join(run, "export")).filter((name) => name.startsWith("."))).toEqual([]);
    expect(await readExport(join(run, "export"))).toEqual(record);
  });

  it("fails the gate where the engine reported another loss, and refuses the result", {
    timeout: 240_000,
  }, async () => {
    const run = await finishedRun();
    writeFileSync(join(run, "events.jsonl"), `${JSON.stringify({ type: "done", evalLossAfter: 1.25 })}\n`);
    const { parity } = await exportRun(run, { engine: ENGINE, threads: 1 });
    expect(parity!.passed).toBe(false);
    expect(parity!.reasons).toHaveLength(1);
    await expect(readExport(join(run, "export"))).rejects.toThrow(
      /is not offered: the held-out loss is 0\.018\d+ instead of the engine's 1\.250000/,
    );
    const stored = JSON.parse(readFileSync(join(run, "export/export.json"), "utf8")) as ExportRecord;
    expect(stored.parity).toEqual(parity);
  });

  it("says in the engine's own words why it could not be asked, and leaves nothing", async () => {
    const run = await goldenRun("peft-r8");
    cpSync(join(goldenFolder("peft-r8"), "adapter_final"), join(run, "adapter"), { recursive: true });
    const engine = join(temporaryFolder("engine"), "engine");
    writeFileSync(engine, "#!/bin/sh\necho 'Reading it.' >&2\necho 'The model is broken.' >&2\nexit 1\n", {
      mode: 0o755,
    });
    await expect(exportRun(run, { engine })).rejects.toThrow(/^The model is broken\.$/);
    writeFileSync(engine, '#!/bin/sh\nwhile [ "$1" != --out ]; do shift; done\necho \'{"prompts":[]}\' > "$2"\n');
    await expect(exportRun(run, { engine })).rejects.toThrow(/reference answered other prompts than it was asked/);
    await expect(exportRun(run, { engine: "/no/engine" })).rejects.toThrow(
      "/no/engine could not be started: there is no such file or folder.",
    );
    expect(readdirSync(run).sort()).toEqual(["adapter", "contract.json", "data", "run.json"]);
  });

  it("ends the engine when it is cancelled, and leaves nothing", async () => {
    const run = await goldenRun("peft-r8");
    cpSync(join(goldenFolder("peft-r8"), "adapter_final"), join(run, "adapter"), { recursive: true });
    const engine = join(temporaryFolder("engine"), "engine");
    const ended = join(run, "..", `${basename(run)}-ended`);
    writeFileSync(engine, `#!/bin/sh\ntrap 'touch "${ended}"; exit 0' TERM\nsleep 600 & wait\n`, { mode: 0o755 });
    const abort = new AbortController();
    const exporting = exportRun(run, {
      engine,
      signal: abort.signal,
      onProgress: (stage) => stage === "Asking the engine" && setTimeout(() => abort.abort(), 300),
    });
    await expect(exporting).rejects.toThrow(/abort/i);
    await expect.poll(() => existsSync(ended), { timeout: 10_000 }).toBe(true);
    rmSync(ended);
    expect(readdirSync(run).sort()).toEqual(["adapter", "contract.json", "data", "run.json"]);
  });

  it("wants an adapter and a contract that fits the model", async () => {
    const run = await goldenRun("peft-r8");
    await expect(exportRun(run, { engine: ENGINE })).rejects.toThrow(/has no adapter yet/);
    cpSync(join(goldenFolder("peft-r8"), "adapter_final"), join(run, "adapter"), { recursive: true });
    const contract = JSON.parse(readFileSync(join(run, "contract.json"), "utf8"));
    const withContract = (changes: object) => {
      writeFileSync(join(run, "contract.json"), JSON.stringify({ ...contract, ...changes }));
      return exportRun(run, { engine: ENGINE });
    };
    await expect(withContract({ contextLength: 9000 })).rejects.toThrow(/context of 9000 tokens/);
    await expect(withContract({ vocabularySize: 9000 })).rejects.toThrow(/different models/);
    await expect(withContract({ endTokens: [] })).rejects.toThrow(/endTokens must be a list of at least one token/);
    await expect(withContract({ modes: { fim: { prefix: 1, suffix: 2 } } })).rejects.toThrow(
      /modes\.fim\.middle must be/,
    );
    await expect(withContract({ beginToken: { id: 8192, text: "x" } })).rejects.toThrow(/beginToken\.id must be/);
  });
});

describe("the loss that the engine reported", () => {
  it.each<[string, number | null]>([
    ['{"type":"done","evalLossAfter":1.5}\n', 1.5],
    ['{"type":"step"}\n{"type":"done","evalLossAfter":2}', 2],
    ['{"type":"done","evalLossAfter":1.5}\n{"type":"start"}\n', null],
    ['{"type":"done","evalLossAfter":null}\n', null],
    ['{"type":"done","evalLossAfter":1.5}\n{"type":"do', null],
    ["", null],
  ])("of %j is %s", (events, loss) => {
    const path = join(temporaryFolder("events"), "events.jsonl");
    writeFileSync(path, events);
    expect(reportedLoss(path)).toBe(loss);
  });
});
