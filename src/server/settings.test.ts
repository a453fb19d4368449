import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS, dataSetSettings, readSettings } from "./settings";

describe("settings", () => {
  it.each([undefined, null, 3, "x", { sequenceLength: -1, tokenizerPath: 4, checks: 3, dataSets: [] }])(
    "that do not fit are the defaults: %j",
    (sent) => {
      expect(readSettings(sent)).toEqual(DEFAULT_SETTINGS);
    },
  );

  it.each([
    [{ tokenizerPath: "/t", defaultModel: "/m" }, "/t"],
    [{ tokenizerPath: null, defaultModel: "/m" }, "/m"],
    [{ tokenizerPath: null, defaultModel: "" }, null],
    [{ tokenizerPath: "", defaultModel: "/m" }, null],
  ])("%j measure with %j", (sent, folder) => {
    expect(readSettings(sent).tokenizerPath).toBe(folder);
  });

  it("of a data set are those of the last glob that fits", () => {
    const settings = readSettings({
      dataSets: { "*.jsonl": { format: "text" }, "train/*.jsonl": { format: "chat", fields: { messages: "m", x: 3 } } },
    });
    expect(dataSetSettings(settings, "file:///home/me/a%20b/train/x.jsonl")).toEqual({
      format: "chat",
      fields: { messages: "m" },
    });
    expect(dataSetSettings(settings, "file:///home/me/other/x.jsonl")).toEqual({ format: "text" });
    expect(dataSetSettings(settings, "/home/100%/x.jsonl")).toEqual({ format: "text" });
    expect(dataSetSettings(settings, "file:///home/me/x.json")).toEqual({});
  });
});
