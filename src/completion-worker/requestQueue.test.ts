import { describe, expect, it } from "vitest";
import { ModelError, RunFailed } from "../model/error";
import type { WorkerRequest, WorkerResponse } from "../protocol/worker";
import type { Completer, Completion } from "./completer";
import { codeAlone } from "./question";
import { RequestQueue } from "./requestQueue";

type Load = Extract<WorkerRequest, { type: "load" }>;

/** A queue over a stand-in for the model. */
class Stand {
  readonly responses: WorkerResponse[] = [];
  readonly loads: string[] = [];
  readonly limits: number[] = [];
  readonly queue = new RequestQueue(
    async (request) => this.completer(request),
    (response) => this.responses.push(response),
  );

  constructor(
    private readonly compute: (provider: string) => Promise<Partial<Completion>>,
    memoryLimit = 0,
  ) {
    this.queue.handle({ type: "load", id: 1, exportDir: "", threads: 1, provider: "cuda", cacheBytes: 1, memoryLimit });
  }

  private completer({ provider }: Load): Completer {
    this.loads.push(provider);
    return {
      name: "m",
      provider,
      notTaken: [],
      cacheBytes: 300,
      lastPrompt: null,
      complete: async () => ({ text: "", memoryBytes: 0, provider, ...(await this.compute(provider)) }),
      limitCaches: (bytes: number) => this.limits.push(bytes),
      release: async () => {},
    } as unknown as Completer;
  }

  async complete(id: number): Promise<WorkerResponse> {
    this.queue.handle({
      type: "complete",
      id,
      ...codeAlone({ prefix: "", suffix: "", multiline: false, maxTokens: 1 }),
    });
    for (;;) {
      const found = this.responses.find((response) => response.id === id);
      if (found) return found;
      await new Promise(setImmediate);
    }
  }
}

describe("a provider that fails while it is used", () => {
  it("is given up for the CPU, which answers the same request", async () => {
    const stand = new Stand(async (provider) => {
      if (provider === "cuda") throw new RunFailed("The device was lost.");
      return { text: "x" };
    });
    expect(await stand.complete(2)).toMatchObject({ type: "completion", text: "x", provider: "cpu" });
    expect(await stand.complete(3)).toMatchObject({ type: "completion", provider: "cpu" });
    expect(stand.loads).toEqual(["cuda", "cpu"]);
  });

  it("is told apart from a request that cannot be met, and from a CPU that fails", async () => {
    const refusing = new Stand(async () => {
      throw new ModelError("There is no room for a prompt.");
    });
    expect(await refusing.complete(2)).toEqual({ type: "failed", id: 2, message: "There is no room for a prompt." });
    expect(refusing.loads).toEqual(["cuda"]);
    const failing = new Stand(async () => {
      throw new RunFailed("Out of memory.");
    });
    expect(await failing.complete(2)).toMatchObject({ type: "failed" });
    expect(await failing.complete(3)).toMatchObject({ type: "failed" });
    expect(failing.loads).toEqual(["cuda", "cpu"]);
  });
});

describe("the memory limit", () => {
  it("takes from the caches what the process is above it", async () => {
    let memoryBytes = 900;
    const stand = new Stand(async () => ({ memoryBytes }), 1000);
    await stand.complete(2);
    expect(stand.limits).toEqual([]);
    memoryBytes = 1100;
    await stand.complete(3);
    memoryBytes = 5000;
    await stand.complete(4);
    expect(stand.limits).toEqual([200, 0]);
  });

  it("is none where it is 0", async () => {
    const stand = new Stand(async () => ({ memoryBytes: 1e12 }));
    await stand.complete(2);
    expect(stand.limits).toEqual([]);
  });
});
