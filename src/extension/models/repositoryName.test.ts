import { expect, it } from "vitest";
import { repositoryIn } from "./repositoryName";

it.each([
  ["HuggingFaceTB/SmolLM2-360M", "HuggingFaceTB/SmolLM2-360M"],
  ["  meta-llama/Llama-3.2-1B ", "meta-llama/Llama-3.2-1B"],
  ["https://huggingface.co/meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"],
  ["https://huggingface.co/meta-llama/Llama-3.2-1B/tree/main?x=1#y", "meta-llama/Llama-3.2-1B"],
  ["http://mirror:8080/org/name/", "org/name"],
  ["", null],
  ["name", null],
  ["a/b/c", null],
  ["../etc/passwd", null],
  ["org/../name", null],
  ["--endpoint", null],
])("reads %j", (text, repository) => {
  expect(repositoryIn(text)).toBe(repository);
});
