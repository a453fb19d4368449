import { expect, it } from "vitest";
import { readLlamaConfig } from "../config";
import { TINY_PYTHON } from "../testModel";
import { formatFor } from "./precision";

const small = readLlamaConfig(TINY_PYTHON);
const large = { ...small, hiddenSize: 2048, intermediateSize: 8192, vocabularySize: 128256 };

it.each(["int8", "int4"] as const)("reads a coarse copy of a large head alone: %s", (precision) => {
  expect(formatFor(precision, small).screen).toBeNull();
  expect(formatFor(precision, large).screen).toEqual({ bits: 4, blockSize: 128 });
});

it("rounds nothing in float32", () => {
  expect(formatFor("fp32", large)).toEqual({ linear: null, embedding: null, screen: null });
});

it("takes the largest blocks that all sizes are multiples of, and refuses where there are none", () => {
  expect(formatFor("int4", { ...large, intermediateSize: 8192 + 64 }).linear?.blockSize).toBe(64);
  expect(() => formatFor("int4", { ...large, intermediateSize: 8200 })).toThrow(/multiples of 32/);
});
