/** Extension host ↔ completion worker, over child_process IPC. Types only. */

export type WorkerRequest =
  /** `exportDir` holds model.onnx; the contract and tokenizer are read beside it. */
  | { type: "load"; id: number; exportDir: string; threads: number }
  | {
      type: "complete";
      id: number;
      prefix: string;
      suffix: string;
      /** The indentation of the cursor's line in columns, to stop at a dedent. */
      multiline: boolean;
      maxTokens: number;
    }
  /** Answers an instruction with the contract's template (used by the CLI and, later, *Try it*). */
  | { type: "instruct"; id: number; instruction: string; input: string; maxTokens: number }
  | { type: "cancel"; id: number }
  | { type: "unload"; id: number };

export type WorkerResponse =
  | { type: "loaded"; id: number; model: string; memoryBytes: number; milliseconds: number }
  | {
      type: "completion";
      id: number;
      text: string;
      mode: "fim" | "prefix" | "instruct";
      promptTokens: number;
      /** Of them, taken from the KV cache. */
      reusedTokens: number;
      generatedTokens: number;
      firstTokenMs: number;
      totalMs: number;
      /** Why generation ended. */
      stop: "end-token" | "dedent" | "line" | "repeat" | "length" | "suffix";
    }
  | { type: "cancelled"; id: number }
  | { type: "unloaded"; id: number }
  | { type: "failed"; id: number; message: string };
