import { expect, it } from "vitest";
import { byteSize, count, duration, percent } from "./figures";

it("writes counts with separators", () => {
  expect(count(18612.4)).toBe("18,612");
});

it.each<[number, string]>([
  [0, "0 s"],
  [59.4, "59 s"],
  [60, "1 min"],
  [245, "4 min"],
  [3600, "1 h"],
  [7500, "2 h 5 min"],
  [Number.POSITIVE_INFINITY, ""],
])("writes %d seconds as %j", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it("says 100 percent only of what is done", () => {
  expect(percent(999, 1000)).toBe(99);
  expect(percent(1000, 1000)).toBe(100);
  expect(percent(0, 0)).toBe(0);
});

it.each<[number, string]>([
  [2_471_645_608, "2.5 GB"],
  [999_400_000, "999 MB"],
  [1200, "2 kB"],
])("writes %d bytes as %j", (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});
