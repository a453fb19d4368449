import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What the benchmarks use of node-llama-cpp (3.22); it is no dependency of this project. */
export interface LlamaSequence {
  evaluate(
    tokens: readonly number[],
    options: { temperature: number; yieldEogToken?: boolean },
  ): AsyncGenerator<number>;
  controlledEvaluate(
    input: (number | [number, { generateNext: { logits: true } }])[],
  ): Promise<({ next: { logits?: Map<number, number> } } | undefined)[]>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  clearHistory(): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  readonly nextTokenIndex: number;
}

export interface LlamaModel {
  createContext(options: { contextSize: number; batchSize: number; threads: number; sequences: 1 }): Promise<{
    getSequence(): LlamaSequence;
    dispose(): Promise<void>;
  }>;
  tokenize(text: string, specialTokens?: boolean): number[];
  dispose(): Promise<void>;
}

interface NodeLlamaCpp {
  getLlama(options: Record<string, unknown>): Promise<{
    loadModel(options: { modelPath: string }): Promise<LlamaModel>;
    dispose(): Promise<void>;
  }>;
}

/** Loads a GGUF file for the processor alone; `peer` is a folder in which node-llama-cpp is installed. */
export async function loadPeerModel(peer: string, modelPath: string): Promise<LlamaModel> {
  const entry = join(peer, "node_modules", "node-llama-cpp", "dist", "index.js");
  if (!existsSync(entry)) {
    throw new Error(
      `${peer} has no node-llama-cpp: npm install --prefix ${peer} --ignore-scripts node-llama-cpp@3.22.1`,
    );
  }
  const { getLlama } = (await import(pathToFileURL(entry).href)) as NodeLlamaCpp;
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
  return llama.loadModel({ modelPath });
}
