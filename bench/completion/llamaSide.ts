/** llama.cpp's side of bench/completion-peer.ts: node-llama-cpp as its own documentation uses it for raw tokens. */
import { loadPeerModel } from "./peer";
import type { Side } from "./sides";

export async function llamaSide(peer: string, path: string, threads: number): Promise<Side> {
  const model = await loadPeerModel(peer, path);
  const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads, sequences: 1 });
  const sequence = context.getSequence();
  let cached: readonly number[] = [];
  return {
    async complete(prompt, maxTokens) {
      const start = performance.now();
      let reused = 0;
      while (reused < prompt.length - 1 && prompt[reused] === cached[reused]) ++reused;
      if (sequence.nextTokenIndex > reused) {
        await sequence.eraseContextTokenRanges([{ start: reused, end: sequence.nextTokenIndex }]);
      }
      let firstTokenMs = 0;
      let count = 0;
      // The end token is drawn as any other, so that both sides compute as many tokens.
      for await (const _ of sequence.evaluate(prompt.slice(reused), { temperature: 0, yieldEogToken: true })) {
        if (count === 0) firstTokenMs = performance.now() - start;
        if (++count === maxTokens) break;
      }
      if (count !== maxTokens) throw new Error(`llama.cpp ended after ${count} of ${maxTokens} tokens.`);
      cached = prompt;
      return { reusedTokens: reused, firstTokenMs, totalMs: performance.now() - start };
    },
  };
}
