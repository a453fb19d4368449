import { beforeAll, describe, expect, it } from "vitest";
import { heldOutLoss, negativeLogLikelihood } from "./heldOutLoss";
import type { OnnxLlama } from "./session";
import { golden, loadModel, randomModel, randomValues, TINY_PYTHON } from "./testModel";

const reference = golden("peft-r8");
const { sequences } = reference;
/** One token alone takes another matrix kernel than many at once; logits of 20 have an ulp of 2e-6. */
const ROUNDING = 3e-5;
const LONG = sequences.flatMap(({ ids }) => ids).slice(0, 158);
/** More than any chunk holds. */
const LONGEST = Array.from({ length: 4 }, () => LONG).flat();

let model: OnnxLlama;
beforeAll(async () => {
  model = await loadModel(TINY_PYTHON);
});

async function fresh<T>(use: (model: OnnxLlama) => Promise<T>): Promise<T> {
  model.reset();
  return use(model);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

describe("the base model against Hugging Face's figures", () => {
  it("gives the same loss for each token", async () => {
    for (const [i, { ids }] of sequences.entries()) {
      const positions = ids.slice(1).map((_, at): [number, number] => [0, at]);
      const logits = await model.logitsOf([ids], positions);
      reference.base[i]!.nll.forEach((expected, at) => {
        const row = logits.subarray(at * 8192, (at + 1) * 8192);
        expect(Math.abs(negativeLogLikelihood(row, ids[at + 1]!) - expected)).toBeLessThan(5e-4);
      });
    }
  });

  it("gives the same ten highest logits", async () => {
    for (const [i, { ids }] of sequences.entries()) {
      const logits = await model.lastLogits(ids);
      const { last_top10: top, last_logsumexp: sum } = reference.base[i]!;
      for (const [id, value] of top) expect(Math.abs(logits[id]! - value)).toBeLessThan(5e-4);
      expect(Math.abs(negativeLogLikelihood(logits, 0) + logits[0]! - sum)).toBeLessThan(5e-4);
      const threshold = Math.min(...top.map(([, value]) => value)) - 5e-4;
      expect(logits.filter((value) => value > threshold).length).toBeLessThanOrEqual(11);
    }
  });

  it("writes the same greedy tokens", async () => {
    const { ids } = reference.greedy;
    for (const length of [1, 2, 7, 20].filter((n) => n >= promptLength())) {
      const { tokens } = await fresh((model) =>
        model.generate(ids.slice(0, length), { maxTokens: ids.length - length }),
      );
      expect(tokens).toEqual(ids.slice(length));
    }
  });

  function promptLength(): number {
    // BOS and "def add(a, b):\n"; the rest was generated.
    return reference.greedy.ids.length - 48;
  }
});

describe("the KV cache", () => {
  it("gives with reuse what a fresh run gives", async () => {
    const start = LONG.slice(0, 100);
    const fromScratch = await fresh((model) => model.lastLogits(LONG));
    await fresh((model) => model.lastLogits(start));
    const reused = await model.generate(LONG, { maxTokens: 1 });
    expect(reused.reusedTokens).toBe(100);
    await fresh((model) => model.lastLogits(start));
    expect(largestDifference(await model.lastLogits(LONG), fromScratch)).toBeLessThan(ROUNDING);
  });

  it("goes back to a shorter prompt and another one without a trace", async () => {
    const other = [...LONG.slice(0, 70), 5, 6, 7];
    const expectedShort = await fresh((model) => model.lastLogits(LONG.slice(0, 64)));
    const expectedOther = await fresh((model) => model.lastLogits(other));
    await fresh((model) => model.generate(LONG, { maxTokens: 10 }));
    expect(largestDifference(await model.lastLogits(other), expectedOther)).toBeLessThan(ROUNDING);
    expect(largestDifference(await model.lastLogits(LONG.slice(0, 64)), expectedShort)).toBeLessThan(ROUNDING);
  });

  it("reuses what it has generated itself", async () => {
    const prompt = LONG.slice(0, 40);
    const first = await fresh((model) => model.generate(prompt, { maxTokens: 12 }));
    const next = await model.generate([...prompt, ...first.tokens.slice(0, 8)], { maxTokens: 4 });
    // The last token of a prompt is computed in any case.
    expect(next.reusedTokens).toBe(47);
    expect(next.tokens).toEqual(first.tokens.slice(8));
  });

  it("keeps what it holds when its buffers grow and shrink", async () => {
    const long = LONGEST;
    const expected = await fresh((model) => model.lastLogits(long));
    await fresh((model) => model.lastLogits(LONG));
    const { reusedTokens } = await model.generate(long, { maxTokens: 1 });
    expect(reusedTokens).toBe(LONG.length);
    await fresh((model) => model.lastLogits(LONG));
    expect(largestDifference(await model.lastLogits(long), expected)).toBeLessThan(ROUNDING);
    const short = await fresh((model) => model.lastLogits(LONG.slice(0, 5)));
    await model.lastLogits(long);
    expect(largestDifference(await model.lastLogits(LONG.slice(0, 5)), short)).toBeLessThan(ROUNDING);
  });
});

describe("several documents", () => {
  const generate = (document: string, prompt: number[]) => model.generate(prompt, { maxTokens: 4, document });

  it("keep a cache each", async () => {
    const [a, b] = [LONG, LONG.slice(20)];
    const alone = await fresh(() => generate("b", b));
    await fresh(() => generate("a", a));
    expect((await generate("b", b)).reusedTokens).toBe(0);
    expect((await generate("a", a)).reusedTokens).toBe(a.length - 1);
    const again = await generate("b", b);
    expect(again.reusedTokens).toBe(b.length - 1);
    expect(again.tokens).toEqual(alone.tokens);
  });

  it("begin with what another one has in common with them", async () => {
    const shared = LONG.slice(0, 90);
    const prompt = [...shared, ...LONG.slice(20, 60)];
    const expected = await fresh((model) => model.lastLogits(prompt));
    await fresh(() => generate("a", LONG));
    const second = await generate("", prompt);
    expect(second.reusedTokens).toBe(90);
    expect(largestDifference(await model.lastLogits(prompt), expected)).toBeLessThan(ROUNDING);
    // The first one's cache is still its own.
    expect((await generate("a", LONG)).reusedTokens).toBe(LONG.length - 1);
  });

  it("are forgotten one by one", async () => {
    await fresh(() => generate("a", LONG));
    await generate("b", LONG.slice(20));
    const both = model.cacheBytes;
    model.forget("b");
    expect(model.cacheBytes).toBe(both / 2);
    expect((await generate("b", LONG.slice(20))).reusedTokens).toBe(0);
    expect((await generate("a", LONG)).reusedTokens).toBe(LONG.length - 1);
  });
});

describe("drafting", () => {
  it("writes the very tokens of plain greedy generation", async () => {
    let [drafted, accepted] = [0, 0];
    for (const { ids } of sequences.slice(0, 10)) {
      for (const length of [Math.ceil(ids.length / 3), Math.ceil(ids.length / 2)]) {
        const prompt = ids.slice(0, length);
        const plain = await fresh((model) => model.generate(prompt, { maxTokens: 48 }));
        const guessed = await fresh((model) => model.generate(prompt, { maxTokens: 48, draft: 6 }));
        expect(guessed.tokens).toEqual(plain.tokens);
        drafted += guessed.drafted;
        accepted += guessed.accepted;
      }
    }
    expect(accepted).toBeGreaterThan(0);
    // A guess that holds always would not try what happens to a wrong one.
    expect(accepted).toBeLessThan(drafted);
  });

  it("leaves a cache that agrees with its tokens", async () => {
    const prompt = LONG.slice(0, 60);
    const { tokens } = await fresh((model) => model.generate(prompt, { maxTokens: 40, draft: 6 }));
    const next = [...prompt, ...tokens, ...LONG.slice(0, 9)];
    const reused = await model.lastLogits(next);
    expect(largestDifference(reused, await fresh((model) => model.lastLogits(next)))).toBeLessThan(ROUNDING);
  });

  it("waits until the choice of tokens is free", async () => {
    const forced = LONG.slice(60, 66);
    const { tokens } = await fresh((model) => {
      const rest = [...forced];
      return model.generate(LONG.slice(0, 60), { maxTokens: 20, draft: 6, choose: () => rest.shift() ?? null });
    });
    expect(tokens.slice(0, 6)).toEqual(forced);
    const plain = await fresh((model) => model.generate(LONG.slice(0, 66), { maxTokens: 14 }));
    expect(tokens.slice(6)).toEqual(plain.tokens);
  });
});

describe("sampling", () => {
  it("follows the numbers it is given, drafted or not", async () => {
    const draw = (seed: number, draft: number) =>
      fresh(async (model) => {
        const next = randomValues(seed);
        const sampling = { temperature: 1, minP: 0.05, random: () => (next() + 1) / 2 };
        return (await model.generate(LONG.slice(0, 80), { maxTokens: 24, sampling, draft })).tokens;
      });
    expect(await draw(1, 0)).toEqual(await draw(1, 4));
    expect(await draw(1, 0)).not.toEqual(await draw(2, 0));
  });
});

describe("cancelling", () => {
  it("acts between two chunks of a prompt and leaves a usable cache", async () => {
    const expected = await fresh((model) => model.lastLogits(LONGEST));
    const abort = new AbortController();
    const running = fresh((model) => model.generate(LONGEST, { maxTokens: 5, signal: abort.signal }));
    setImmediate(() => abort.abort());
    await expect(running).rejects.toThrow(/abort/i);
    const { reusedTokens } = await model.generate(LONGEST, { maxTokens: 1 });
    // What was computed is one chunk.
    expect(reusedTokens).toBeGreaterThanOrEqual(16);
    expect(reusedTokens).toBeLessThanOrEqual(256);
    expect(largestDifference(await model.lastLogits(LONGEST), expected)).toBeLessThan(ROUNDING);
  });

  it("computes nothing for a request that is cancelled already", async () => {
    model.reset();
    await expect(model.generate(LONG, { maxTokens: 1, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(model.cacheBytes).toBe(0);
  });

  it("acts between two tokens", async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const running = model.generate(LONG.slice(0, 20), {
      maxTokens: 50,
      signal: abort.signal,
      onToken: (id) => {
        seen.push(id);
        if (seen.length === 3) abort.abort();
        return false;
      },
    });
    await expect(running).rejects.toThrow(/abort/i);
    expect(seen).toHaveLength(3);
  });
});

describe("limits", () => {
  it("refuses what does not fit the context", async () => {
    await expect(model.generate([1], { maxTokens: 4096 })).rejects.toThrow("4097 tokens do not fit");
    await expect(model.lastLogits([])).rejects.toThrow("at least one token");
  });
});

describe("held-out loss", () => {
  const documents = (count: number) =>
    sequences.slice(0, count).map(({ ids, labels }, i) => ({
      ids,
      targets: labels.flatMap((label, at) => (label === -100 ? [] : [at])),
      source: 0,
      row: i + 1,
      kind: "instruct" as const,
    }));

  it("is the mean over all targets, whatever the batches", async () => {
    const { loss, targets, documents: count } = await heldOutLoss(model, documents(8));
    let sum = 0;
    for (const [i, document] of documents(8).entries()) {
      for (const at of document.targets) sum += reference.base[i]!.nll[at - 1]!;
    }
    expect(count).toBe(8);
    expect(Math.abs(loss - sum / targets)).toBeLessThan(1e-5);
  });

  it("is the same a document at a time and through the cache", async () => {
    const [first] = documents(1);
    const whole = await heldOutLoss(model, [first!]);
    let sum = 0;
    await model.scan(
      first!.ids,
      first!.targets.map((at) => at - 1),
      (position, logits) => {
        sum += negativeLogLikelihood(logits, first!.ids[position + 1]!);
      },
    );
    expect(sum / whole.targets).toBeCloseTo(whole.loss, 5);
  });

  it("goes through the cache where the logits would be too many", async () => {
    const { folder } = randomModel(
      { vocab_size: 100_000, hidden_size: 16, num_hidden_layers: 1, tie_word_embeddings: true },
      2,
    );
    const large = await loadModel(folder);
    const ids = Array.from({ length: 200 }, (_, i) => (i * 7919) % 100_000);
    const targets = ids.map((_, i) => i).slice(1);
    const one = { ids, targets, source: 0, row: 1, kind: "prefix" as const };
    const { loss } = await heldOutLoss(large, [one]);
    let sum = 0;
    for (const at of targets) {
      const logits = await large.logitsOf([ids], [[0, at - 1]]);
      sum += negativeLogLikelihood(logits, ids[at]!);
    }
    expect(Math.abs(loss - sum / targets.length)).toBeLessThan(1e-4);
  });
});
