/** Extension host ↔ completion worker, over child_process IPC. Types only. */

/** Code from elsewhere in the workspace that helps to complete: it stands before the file's own text in the prompt. */
export interface ContextSnippet {
  /** Signatures of what the file imports, what was edited last, or code that resembles the place of the cursor. */
  kind: "definition" | "edit" | "similar";
  /** Relative to the workspace, as the user knows it. */
  path: string;
  text: string;
}

/** Code around a cursor. */
export interface CodeQuestion {
  /** The document, by its URI: each keeps a KV cache of its own. */
  document: string;
  prefix: string;
  suffix: string;
  /** Whole blocks are wanted, else the rest of the line. */
  multiline: boolean;
  maxTokens: number;
  /** The most useful first; what does not fit into `contextTokens` is left out. */
  context: readonly ContextSnippet[];
  /** Tokens of the prompt for `context` at most. */
  contextTokens: number;
  /**
   * What the comment or docstring before the cursor asks for; null: the code is continued. A model without a template for
   * instructions continues the code all the same.
   */
  instruction: string | null;
  /** Asked for before it is wanted: given up for any request that is not. */
  ahead: boolean;
}

/** Where onnxruntime computes. `auto`: what a short measurement at the first use found fastest. */
export type ProviderChoice = "auto" | "cpu" | "cuda" | "dml" | "coreml" | "webgpu";

/** A part of a prompt, in its order. */
export interface PromptSection {
  kind: "control" | "context" | "instruction" | "prefix" | "suffix";
  /** What it is, for a person: a file's name, a token's text. */
  label: string;
  text: string;
  tokens: number;
  /** Tokens that it may have at most; absent: what it has. */
  room?: number;
}

export type WorkerRequest =
  /** `exportDir` holds model.onnx; the contract and tokenizer are read beside it. */
  | {
      type: "load";
      id: number;
      exportDir: string;
      threads: number;
      provider: ProviderChoice;
      /** What all KV caches together may take. */
      cacheBytes: number;
      /** What the whole process should take at most; 0: no limit. Caches shrink to keep to it. */
      memoryLimit: number;
      /** Above 0: tokens are drawn (min-p); absent or 0: the likeliest is taken. */
      temperature?: number;
    }
  | ({ type: "complete"; id: number } & CodeQuestion)
  /** Answers an instruction with the contract's template. */
  | { type: "instruct"; id: number; instruction: string; input: string; maxTokens: number }
  /** The document is closed: its cache goes. */
  | { type: "forget"; id: number; document: string }
  /** The last prompt that was computed, section by section. */
  | { type: "showPrompt"; id: number }
  | { type: "cancel"; id: number }
  | { type: "unload"; id: number };

export type WorkerResponse =
  | {
      type: "loaded";
      id: number;
      model: string;
      memoryBytes: number;
      milliseconds: number;
      /** Where it computes: cpu, cuda, … */
      provider: string;
      /** Providers that were tried and not taken, each with the reason. */
      notTaken: { provider: string; reason: string }[];
    }
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
      /** Of the worker process, after this request. */
      memoryBytes: number;
      /** Where it was computed: one that failed was given up for the CPU. */
      provider: string;
    }
  | { type: "forgotten"; id: number }
  /** Null: nothing has been completed yet. */
  | { type: "prompt"; id: number; sections: PromptSection[] | null }
  | { type: "cancelled"; id: number }
  | { type: "unloaded"; id: number }
  | { type: "failed"; id: number; message: string };
