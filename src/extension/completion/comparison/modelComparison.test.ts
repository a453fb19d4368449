import { EventEmitter as Emitter } from "node:events";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Route } from "../completionController";
import { ModelComparison } from "./modelComparison";

const warnings = vi.hoisted(() => [] as string[]);

vi.mock("vscode", () => ({
  EventEmitter: class {
    readonly #emitter = new Emitter();
    readonly event = (listener: () => void) => {
      this.#emitter.on("fired", listener);
      return { dispose: () => this.#emitter.off("fired", listener) };
    };
    fire(): void {
      this.#emitter.emit("fired");
    }
    dispose(): void {
      this.#emitter.removeAllListeners();
    }
  },
  l10n: { t: (text: string, ...values: unknown[]) => text.replace(/\{(\d)\}/g, (_, index) => String(values[index])) },
  window: {
    showWarningMessage: async (text: string) => {
      warnings.push(text);
    },
  },
}));

class Worker {
  state = { kind: "ready" };
  readonly #emitter = new Emitter();
  loads = 0;
  constructor(readonly exportDir: string) {}
  async ensureLoaded(): Promise<void> {
    this.loads++;
  }
  onDidChange(listener: () => void) {
    this.#emitter.on("change", listener);
    return { dispose: () => this.#emitter.off("change", listener) };
  }
  fail(): void {
    this.state = { kind: "failed" };
    this.#emitter.emit("change");
  }
}

/** As much of the controller as a comparison uses. */
class Controller {
  worker: Worker | undefined = new Worker("/runs/tuned/export");
  readonly made: Worker[] = [];
  readonly removed: Worker[] = [];
  route: Route | null = null;
  gaveWay: "reduced" | "off" | null = null;
  readonly #emitter = new Emitter();
  onDidChange = (listener: () => void) => {
    this.#emitter.on("change", listener);
    return { dispose: () => this.#emitter.off("change", listener) };
  };
  createWorker(_name: string, exportDir: string): Worker {
    const worker = new Worker(exportDir);
    this.made.push(worker);
    return worker;
  }
  removeWorker(worker: Worker): void {
    this.removed.push(worker);
  }
  setRoute(route: Route | null): void {
    this.route = route;
  }
  use(exportDir: string): void {
    this.worker = new Worker(exportDir);
    this.#emitter.emit("change");
  }
}

class Statistics {
  readonly #emitter = new Emitter();
  onDidOffer = (listener: (offer: { source: string; model: string }) => void) => {
    this.#emitter.on("offer", listener);
    return { dispose: () => this.#emitter.off("offer", listener) };
  };
  offer(source: string, model: string): void {
    this.#emitter.emit("offer", { source, model });
  }
  comparison: string | null = null;
  async modelOf(exportDir: string) {
    return { model: exportDir.replace("copy", "tuned"), name: exportDir };
  }
  beginComparison(): string {
    this.comparison = "begun";
    return this.comparison;
  }
  continueComparison(id: string): void {
    this.comparison = id;
  }
  endComparison(): void {
    this.comparison = null;
  }
}

describe("ModelComparison", () => {
  const base = { name: "tiny-python", exportDir: "/base" };
  let kept: Map<string, unknown>;
  let controller: Controller;
  let statistics: Statistics;

  const open = () =>
    new ModelComparison(
      {
        workspaceState: {
          get: (key: string) => kept.get(key),
          update: async (key: string, value: unknown) => {
            kept.set(key, value);
            if (value === undefined) kept.delete(key);
          },
        },
      } as never,
      controller as never,
      statistics as never,
      { openComparison: async () => {} } as never,
    );

  beforeEach(() => {
    warnings.length = 0;
    kept = new Map();
    controller = new Controller();
    statistics = new Statistics();
  });

  it("lets the models take turns, one completion each", async () => {
    const comparison = open();
    await comparison.start(base);
    const asked = Array.from({ length: 6 }, () => {
      const worker = controller.route!.next();
      // A request that is given up is asked of the same model again.
      expect(controller.route!.next()).toBe(worker);
      controller.route!.made(worker);
      return worker.exportDir;
    });
    for (const pair of [0, 2, 4]) {
      expect(new Set(asked.slice(pair, pair + 2))).toEqual(new Set(["/base", "/runs/tuned/export"]));
    }
  });

  it("ends a turn with what was made ahead once that is shown", async () => {
    await open().start(base);
    const first = controller.route!.next();
    statistics.offer("computed", first.exportDir);
    expect(controller.route!.next()).toBe(first);
    statistics.offer("ahead", first.exportDir);
    expect(controller.route!.next()).not.toBe(first);
    statistics.offer("ahead", first.exportDir);
    expect(controller.route!.next()).not.toBe(first);
  });

  it("loads both beforehand, unless completion rests", async () => {
    await open().start(base);
    expect([controller.worker!.loads, controller.made[0]!.loads]).toEqual([1, 1]);
    controller = new Controller();
    controller.gaveWay = "off";
    await open().start(base);
    expect([controller.worker!.loads, controller.made[0]!.loads]).toEqual([0, 0]);
  });

  it("ends as it was before, with the comparison's id", async () => {
    const comparison = open();
    await comparison.start(base);
    expect(comparison.running).toBe(true);
    expect(await comparison.stop()).toBe("begun");
    expect([comparison.running, controller.route, statistics.comparison, kept.size]).toEqual([false, null, null, 0]);
    expect(controller.removed).toEqual(controller.made);
    expect(await comparison.stop()).toBeNull();
  });

  it("refuses the same model twice, and to begin without one", async () => {
    const comparison = open();
    const copy = { name: "copy", exportDir: "/runs/copy/export" };
    await expect(comparison.start(copy)).rejects.toThrow(/are the same model/);
    controller.worker = undefined;
    await expect(comparison.start(base)).rejects.toThrow(/Choose a model/);
    expect([comparison.running, controller.route]).toEqual([false, null]);
  });

  it("ends by itself where another model is used, or one cannot be loaded, and says why", async () => {
    const comparison = open();
    await comparison.start(base);
    controller.use("/runs/other/export");
    await vi.waitFor(() => expect(warnings).toEqual([expect.stringContaining("another model is in use")]));
    await comparison.start(base);
    controller.made.at(-1)!.fail();
    await vi.waitFor(() => expect(warnings).toHaveLength(2));
    expect(warnings[1]).toContain("cannot be loaded");
    expect([comparison.running, controller.route, kept.size]).toEqual([false, null, 0]);
  });

  it("goes on after a reload where the same model is in use, and only then", async () => {
    await open().start(base);
    controller = new Controller();
    statistics = new Statistics();
    const again = open();
    await again.restore();
    expect([again.running, statistics.comparison]).toEqual([true, "begun"]);
    controller = new Controller();
    controller.worker = new Worker("/runs/other/export");
    const other = open();
    await other.restore();
    expect([other.running, kept.size]).toEqual([false, 0]);
  });

  it("takes nothing up from a state that it did not write", async () => {
    kept.set("tunesmith.modelComparison", { id: 1, exportDir: "/runs/tuned/export" });
    const comparison = open();
    await comparison.restore();
    expect([comparison.running, kept.size]).toEqual([false, 0]);
  });
});
