import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Services } from "../context";
import { namedBy, pickRun, pickRuns } from "./pickRun";

const { said, showQuickPick } = vi.hoisted(() => ({ said: [] as string[], showQuickPick: vi.fn() }));

vi.mock("vscode", () => ({
  window: { showInformationMessage: (text: string) => said.push(text), showQuickPick },
  l10n: { t: (text: string) => text },
}));

const head = { state: "stopped", step: 1, totalSteps: 2 };
const run = (id: string) => ({ id, directory: `/runs/${id}`, name: id, notes: { tags: [] }, head: () => head });
const broken = { directory: "/runs/broken", reason: "/runs/broken/run.json is not valid JSON." };

function services(ids: readonly string[], selected: readonly { directory: string }[] = []): Services {
  const runs = ids.map(run);
  const find = (id: string) => runs.find((known) => known.id === id);
  return { runs: { runs, unreadable: [broken], selected, find, load: async () => {} } } as unknown as Services;
}

const words = { pick: "Choose", none: "None" };
const GONE = /^This run is no longer there/;
const pick = async (from: Services, argument: unknown) => (await pickRun(from, argument, () => true, words))?.id;

beforeEach(() => {
  said.length = 0;
  showQuickPick.mockReset();
});

describe("the run that a command is about", () => {
  it("is the one that it was called with, by its id or the tree's item", async () => {
    expect(await pick(services(["a", "b"]), "b")).toBe("b");
    expect(await pick(services(["a", "b"]), { directory: "/runs/b" })).toBe("b");
  });

  it("is never another one, be it the only one", async () => {
    expect(await pick(services(["a"]), "deleted")).toBeUndefined();
    expect(await pick(services(["a"]), { directory: "/runs/deleted" })).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(GONE), expect.stringMatching(GONE)]);
    expect(showQuickPick).not.toHaveBeenCalled();
  });

  it("is none where its run.json cannot be read, which is said", async () => {
    expect(await pick(services(["a"]), { directory: broken.directory })).toBeUndefined();
    expect(said).toEqual([broken.reason]);
  });

  it("is the one that is selected where a key was pressed", async () => {
    expect(await pick(services(["a", "b"], [{ directory: "/runs/b" }]), "selected")).toBe("b");
    expect(await pick(services(["a"], [broken]), "selected")).toBeUndefined();
    expect(await pick(services(["a"], [{ directory: "/runs/deleted" }]), "selected")).toBeUndefined();
  });

  it.each([[undefined], [null], [7], [{ fsPath: "/data.jsonl" }]])(
    "is the only one where %j names none",
    async (none) => {
      expect(await pick(services(["a"]), none)).toBe("a");
    },
  );
});

describe("the runs that a command is about", () => {
  const both = [{ directory: "/runs/b" }, { directory: "/runs/a" }];

  it("are those that are selected and there, in the tree's order", async () => {
    const found = await pickRuns(services(["a", "b", "c"]), both[0], [...both, broken, { directory: "/gone" }], words);
    expect(found?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(said).toEqual([]);
  });

  it("are asked for only where none was named", async () => {
    expect(await pickRuns(services(["a"]), "deleted", undefined, words)).toEqual([]);
    expect(showQuickPick).not.toHaveBeenCalled();
    await pickRuns(services(["a"]), undefined, undefined, words);
    expect(showQuickPick).toHaveBeenCalledTimes(1);
  });
});

it("tells folders that cannot be read apart from runs", () => {
  const named = namedBy(services(["a"]), broken, [broken, { directory: "/runs/a" }]);
  expect(named?.runs.map(({ id }) => id)).toEqual(["a"]);
  expect(named?.unreadable).toEqual([broken]);
});
