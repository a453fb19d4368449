import { describe, expect, it } from "vitest";
import { parseGeneration } from "./engineGeneration";

describe("a line of what the engine generates", () => {
  const token = { type: "token", prompt: 1, base: false, id: 7 };

  it("is read as it is", () => {
    expect(parseGeneration(JSON.stringify(token), 2, "engine")).toEqual(token);
    const end = { type: "end", prompt: 0, base: true, ended: true, seconds: 0.5 };
    expect(parseGeneration(JSON.stringify(end), 2, "engine")).toEqual(end);
  });

  it.each([
    ["no JSON", "{"],
    ["of another type", JSON.stringify({ ...token, type: "logits" })],
    ["about a prompt that was not asked", JSON.stringify({ ...token, prompt: 2 })],
    ["with a token that is none", JSON.stringify({ ...token, id: -1 })],
    ["without its side", JSON.stringify({ ...token, base: undefined })],
  ])("is refused where it is %s", (_name, line) => {
    expect(() => parseGeneration(line, 2, "/opt/tunesmith-engine")).toThrow("tunesmith-engine generate gave a line");
  });
});
