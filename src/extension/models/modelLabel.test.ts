import { expect, it } from "vitest";
import { modelLabel } from "./modelLabel";

it.each([
  ["/home/me/models/tiny-python", "tiny-python"],
  [
    "/c/hub/models--meta-llama--Llama-3.2-1B/snapshots/4e20de362430cd3b72f300e6b0f18e50e7166e08",
    "meta-llama/Llama-3.2-1B",
  ],
  ["/c/hub/models--gpt2/snapshots/607a30d783dfa663caf39e06633721c8d4cfcd7e", "gpt2"],
  ["/c/snapshots/mine", "mine"],
  ["/mine", "mine"],
])("names %s", (path, label) => {
  expect(modelLabel(path)).toBe(label);
});
