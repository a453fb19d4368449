/** A base model that the engine takes, as its page on the Hub describes it. */
export interface SuggestedModel {
  repository: string;
  name: string;
  parameters: number;
  /** For people; the Hub's own word is shown before a download. */
  licence: string;
  /** Its terms must be accepted on its page, and a token is needed. */
  gated: boolean;
}

/** Of the Llama family, smallest first. */
export const suggestedModels: readonly SuggestedModel[] = [
  {
    repository: "HuggingFaceTB/SmolLM2-135M",
    name: "SmolLM2 135M",
    parameters: 134_515_008,
    licence: "Apache 2.0",
    gated: false,
  },
  {
    repository: "HuggingFaceTB/SmolLM2-360M",
    name: "SmolLM2 360M",
    parameters: 361_821_120,
    licence: "Apache 2.0",
    gated: false,
  },
  {
    repository: "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    name: "TinyLlama 1.1B Chat",
    parameters: 1_100_048_384,
    licence: "Apache 2.0",
    gated: false,
  },
  {
    repository: "meta-llama/Llama-3.2-1B",
    name: "Llama 3.2 1B",
    parameters: 1_235_814_400,
    licence: "Llama 3.2 Community",
    gated: true,
  },
  {
    repository: "HuggingFaceTB/SmolLM2-1.7B",
    name: "SmolLM2 1.7B",
    parameters: 1_711_376_384,
    licence: "Apache 2.0",
    gated: false,
  },
  {
    repository: "meta-llama/Llama-3.2-3B",
    name: "Llama 3.2 3B",
    parameters: 3_212_749_824,
    licence: "Llama 3.2 Community",
    gated: true,
  },
];

/** Where runs compute, and how much memory there is. */
export interface TuningDevice {
  kind: "cuda" | "cpu";
  name: string;
  memoryBytes: number;
}

/** A GPU holds the frozen weights in bfloat16, the CPU in float32. */
const bytesPerWeight = { cuda: 2, cpu: 4 };

/**
 * Roughly what tuning takes at least, in bytes: the weights, a quarter more for adapter and activations, and the logits
 * of one sequence with the engine's own needs. The forecast before Start is exact.
 */
export function memoryToTune({ parameters }: Pick<SuggestedModel, "parameters">, kind: TuningDevice["kind"]): number {
  return parameters * bytesPerWeight[kind] * 1.25 + 1.5e9;
}

/**
 * On a GPU the largest that fits comes first, since it learns most; on a CPU the smallest, since a run with more than
 * that takes days. What does not fit comes last.
 */
export function rankForDevice(device: TuningDevice): { fits: SuggestedModel[]; tooLarge: SuggestedModel[] } {
  const fitting = (model: SuggestedModel) => memoryToTune(model, device.kind) <= device.memoryBytes;
  const fits = suggestedModels.filter(fitting);
  return {
    fits: device.kind === "cuda" ? fits.reverse() : fits,
    tooLarge: suggestedModels.filter((model) => !fitting(model)),
  };
}
