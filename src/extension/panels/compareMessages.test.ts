import { describe, expect, it } from "vitest";
import { parseCompareViewState, parseFromCompareView } from "./compareMessages";

describe("messages of the comparison", () => {
  it.each([
    [{ type: "ready" }],
    [{ type: "openRun", id: "a" }],
    [{ type: "rename", id: "a", name: "" }],
    [{ type: "setTags", id: "a", tags: "x, y" }],
    [{ type: "setNotes", id: "a", notes: "x\n".repeat(40_000) }],
  ])("takes those of the protocol: %#", (message) => {
    expect(parseFromCompareView(message)).toEqual(message);
  });

  it.each([
    [undefined],
    [{ type: "delete", id: "a" }],
    [{ type: "openRun" }],
    [{ type: "openRun", id: "" }],
    [{ type: "openRun", id: ["a"] }],
    [{ type: "rename", id: "a", name: 7 }],
    [{ type: "setTags", id: "a", tags: ["x"] }],
    [{ type: "setNotes", id: "a", notes: "x".repeat(300_000) }],
  ])("takes nothing else: %#", (message) => {
    expect(parseFromCompareView(message)).toBeUndefined();
  });
});

describe("what the comparison kept", () => {
  it("comes back, without what is not right of it", () => {
    expect(parseCompareViewState({ ids: ["a", "b"], hidden: 7, smoothed: false })).toEqual({
      ids: ["a", "b"],
      hidden: [],
      smoothed: false,
      logScale: false,
    });
  });

  it.each([[undefined], [{}], [{ ids: [] }], [{ ids: [1] }], [{ ids: Array(9).fill("a") }]])(
    "is nothing without runs: %#",
    (kept) => {
      expect(parseCompareViewState(kept)).toBeUndefined();
    },
  );
});
