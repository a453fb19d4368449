import type { Tokenizer } from "../dataset/tokenizer";
import type { Contract } from "../protocol/run";
import type { TokenDocument } from "./heldOut";
import { PARITY_LIMITS } from "./parity";

/** The engine computes every prompt once for each greedy token at worst: long ones add time and prove no more. */
const LONGEST_PROMPT = 256;

/** For runs that hold nothing (or too little) out. */
const BUILT_IN = [
  "def add(a, b):\n",
  "import os\nimport sys\n\n\ndef main():\n    parser = ",
  "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n",
  "def fibonacci(n):\n    if n < 2:\n        return n\n    return ",
  "with open(path, encoding='utf-8') as file:\n    for line in file:\n",
  "numbers = [1, 2, 3]\nsquares = [",
  'def read_json(path):\n    """Read a JSON file."""\n',
  "try:\n    value = int(text)\nexcept ValueError:\n",
];

/** Eight prompts: of held-out rows, spread over the split, and built-in Python where there are fewer. */
export async function parityPrompts(
  documents: readonly TokenDocument[],
  contract: Contract,
  tokenizer: Tokenizer,
): Promise<number[][]> {
  const longest = Math.min(LONGEST_PROMPT, contract.contextLength - PARITY_LIMITS.greedyTokens);
  const wanted = PARITY_LIMITS.prompts;
  const count = Math.min(wanted, documents.length);
  const prompts = Array.from({ length: count }, (_, i) =>
    promptOf(documents[Math.floor((i * documents.length) / count)]!, longest),
  );
  if (prompts.length < wanted) {
    const begin = contract.beginToken ? [contract.beginToken.id] : [];
    for (const ids of await tokenizer.encode(BUILT_IN.slice(0, wanted - prompts.length))) {
      prompts.push([...begin, ...ids].slice(0, longest));
    }
  }
  return prompts;
}

/** What stands before the answer; half of the document where everything is learned. */
function promptOf({ ids, targets }: TokenDocument, longest: number): number[] {
  const first = targets[0] ?? ids.length;
  const length = first > 1 ? first : Math.ceil(ids.length / 2);
  return ids.slice(0, Math.min(length, longest));
}
