import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MeasurableModel, type PlacedModel, type ProviderRuntime, placeModel } from "./providerChoice";

/** How a provider of the stand-in behaves. */
interface Conduct {
  milliseconds: number;
  fails?: "load" | "run";
  wrong?: boolean;
  endsProcess?: boolean;
}

class ProcessEnded extends Error {}

class StandIn implements MeasurableModel {
  readonly shape = { vocabularySize: 8 };
  released = false;

  constructor(
    readonly provider: string,
    private readonly conduct: Conduct,
    private readonly clock: { now: number },
  ) {}

  async lastLogits(): Promise<Float32Array> {
    if (this.conduct.fails === "run") throw new Error("Out of memory on the device.");
    return Float32Array.from({ length: 8 }, (_, i) => (this.conduct.wrong ? -i : i + 0.001));
  }

  async generate(): Promise<void> {
    if (this.conduct.fails === "run") throw new Error("Out of memory on the device.");
    this.clock.now += this.conduct.milliseconds;
  }

  reset(): void {}

  async release(): Promise<void> {
    this.released = true;
  }
}

let folder: string;
let loads: StandIn[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tunesmith-provider-"));
  loads = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function runtime(providers: Record<string, Conduct>, version = "1.30.0"): ProviderRuntime<StandIn> {
  const clock = { now: 0 };
  return {
    version,
    listed: Object.keys(providers),
    now: () => clock.now,
    async load(provider) {
      const conduct = providers[provider];
      if (conduct === undefined) throw new Error(`${provider} was not listed.`);
      if (conduct.endsProcess) throw new ProcessEnded();
      if (conduct.fails === "load") {
        throw new Error("model.onnx could not be loaded", { cause: new Error("No  adapter\nwas found.") });
      }
      const model = new StandIn(provider, conduct, clock);
      loads.push(model);
      return model;
    },
  };
}

const CPU = { cpu: { milliseconds: 100 } };
const record = () => JSON.parse(readFileSync(join(folder, "provider.json"), "utf8"));

/** One model is left, and it is the one that was given. */
function expectOneLeft(placed: PlacedModel<StandIn>): void {
  expect(loads.filter(({ released }) => !released)).toEqual([placed.model]);
  expect(placed.model.provider).toBe(placed.provider);
}

describe("auto", () => {
  it("takes the CPU at once where there is nothing else", async () => {
    const placed = await placeModel(folder, "auto", runtime({ ...CPU, tensorrt: { milliseconds: 1 } }));
    expect(placed).toMatchObject({ provider: "cpu", notTaken: [] });
    expect(() => record()).toThrow();
  });

  it("measures once, takes the fastest and remembers it", async () => {
    const all = { ...CPU, webgpu: { milliseconds: 40 }, cuda: { milliseconds: 20 } };
    const placed = await placeModel(folder, "auto", runtime(all));
    expectOneLeft(placed);
    expect(placed.provider).toBe("cuda");
    expect(placed.notTaken).toEqual([
      { provider: "webgpu", reason: "40 ms for the measurement, and cuda needs 20 ms" },
    ]);
    expect(record()).toMatchObject({
      provider: "cuda",
      milliseconds: { cpu: 100, cuda: 20, webgpu: 40 },
      trying: null,
    });
    loads = [];
    const again = await placeModel(folder, "auto", runtime(all));
    expect(again.provider).toBe("cuda");
    expect(again.notTaken).toEqual(placed.notTaken);
    expect(loads.map(({ provider }) => provider)).toEqual(["cuda"]);
  });

  it("measures anew with another onnxruntime or other providers", async () => {
    await placeModel(folder, "auto", runtime({ ...CPU, cuda: { milliseconds: 200 } }));
    expect(record().provider).toBe("cpu");
    const newer = await placeModel(folder, "auto", runtime({ ...CPU, cuda: { milliseconds: 20 } }, "1.31.0"));
    expect(newer.provider).toBe("cuda");
    const other = await placeModel(folder, "auto", runtime({ ...CPU, dml: { milliseconds: 10 } }, "1.31.0"));
    expect(other.provider).toBe("dml");
  });

  it("stays on the CPU for a small gain", async () => {
    const placed = await placeModel(folder, "auto", runtime({ ...CPU, webgpu: { milliseconds: 95 } }));
    expectOneLeft(placed);
    expect(placed.provider).toBe("cpu");
    expect(placed.notTaken).toEqual([
      { provider: "webgpu", reason: "95 ms for the measurement, and cpu needs 100 ms" },
    ]);
  });

  it.each([
    ["does not load", { milliseconds: 1, fails: "load" }, "No adapter was found."],
    ["does not run", { milliseconds: 1, fails: "run" }, "Out of memory on the device."],
    ["computes something else", { milliseconds: 1, wrong: true }, "its results differ from the CPU's"],
  ] as const)("passes over a provider that %s", async (_, conduct, reason) => {
    const placed = await placeModel(folder, "auto", runtime({ ...CPU, webgpu: conduct }));
    expectOneLeft(placed);
    expect(placed).toMatchObject({ provider: "cpu", notTaken: [{ provider: "webgpu", reason }] });
    loads = [];
    const again = await placeModel(folder, "auto", runtime({ ...CPU, webgpu: conduct }));
    expect(again).toMatchObject({ provider: "cpu", notTaken: [{ provider: "webgpu", reason }] });
    expect(loads.map(({ provider }) => provider)).toEqual(["cpu"]);
  });

  it("goes back to the CPU when what was fastest no longer works", async () => {
    await placeModel(folder, "auto", runtime({ ...CPU, cuda: { milliseconds: 20 } }));
    loads = [];
    const placed = await placeModel(folder, "auto", runtime({ ...CPU, cuda: { milliseconds: 20, fails: "run" } }));
    expectOneLeft(placed);
    expect(placed).toMatchObject({ provider: "cpu", notTaken: [{ reason: "Out of memory on the device." }] });
  });

  it("does not try again what ended the process", async () => {
    const deadly = { ...CPU, cuda: { milliseconds: 1, endsProcess: true }, webgpu: { milliseconds: 50 } };
    // What a process leaves that has ended while it tried.
    const left = { version: 1, onnxruntime: "1.30.0", listed: ["cuda", "webgpu"], provider: null };
    writeFileSync(
      join(folder, "provider.json"),
      JSON.stringify({ ...left, milliseconds: {}, notTaken: [], trying: "cuda" }),
    );
    const placed = await placeModel(folder, "auto", runtime(deadly));
    expect(placed).toMatchObject({
      provider: "webgpu",
      notTaken: [{ provider: "cuda", reason: "the completion worker ended while it was tried" }],
    });
  });

  it("notes what it tries before it tries it", async () => {
    const seen: unknown[] = [];
    const trying = runtime({ ...CPU, cuda: { milliseconds: 20 } });
    await placeModel(folder, "auto", {
      ...trying,
      load: (provider) => {
        if (provider !== "cpu") seen.push(record().trying);
        return trying.load(provider);
      },
    });
    expect(seen).toEqual(["cuda"]);
  });

  it.each([["nonsense"], ["{}"], ['{"version":1,"provider":"cuda"}']])(
    "measures where the record is %s",
    async (text) => {
      writeFileSync(join(folder, "provider.json"), text);
      const placed = await placeModel(folder, "auto", runtime({ ...CPU, cuda: { milliseconds: 20 } }));
      expect(placed.provider).toBe("cuda");
      expect(record().provider).toBe("cuda");
    },
  );
});

describe("a provider that was asked for", () => {
  it("is taken, even where it is slower", async () => {
    const placed = await placeModel(folder, "webgpu", runtime({ ...CPU, webgpu: { milliseconds: 500 } }));
    expectOneLeft(placed);
    expect(placed).toMatchObject({ provider: "webgpu", notTaken: [] });
  });

  it("is replaced by the CPU with the reason where it is not there or fails", async () => {
    expect(await placeModel(folder, "dml", runtime(CPU))).toMatchObject({
      provider: "cpu",
      notTaken: [{ provider: "dml", reason: "onnxruntime 1.30.0 has no such provider for this system" }],
    });
    const failing = runtime({ ...CPU, cuda: { milliseconds: 1, fails: "load" } });
    expect(await placeModel(folder, "cuda", failing)).toMatchObject({
      provider: "cpu",
      notTaken: [{ provider: "cuda", reason: "No adapter was found." }],
    });
    // It may have been mended.
    expect((await placeModel(folder, "cuda", runtime({ ...CPU, cuda: { milliseconds: 1 } }))).provider).toBe("cuda");
  });

  it("is the CPU without further ado", async () => {
    expect((await placeModel(folder, "cpu", runtime({ ...CPU, cuda: { milliseconds: 1 } }))).provider).toBe("cpu");
    expect(loads).toHaveLength(1);
  });
});
