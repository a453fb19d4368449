/** Tunesmith's side of bench/completion-peer.ts, in a process of its own: `node … onnx FOLDER THREADS`. */
import { OnnxLlama } from "../../src/model/session";
import type { Side } from "./sides";

export async function onnxSide(folder: string, threads: number): Promise<Side> {
  const model = await OnnxLlama.load(folder, { threads, maxPositions: 4096 });
  return {
    async complete(prompt, maxTokens) {
      const { reusedTokens, firstTokenMs, totalMs } = await model.generate(prompt, { maxTokens });
      return { reusedTokens, firstTokenMs, totalMs };
    },
  };
}
