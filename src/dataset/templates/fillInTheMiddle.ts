import type { FimSample } from "../sample";
import type { FimTokens, SpecialTokens } from "../specialTokens";
import { control, joinInput, learned, plain, type Template } from "./template";

/** Prefix, suffix, then the middle, each behind the tokenizer's own token for it (Bavarian et al. 2022, PSM order). */
export const fillInTheMiddle: Template = {
  id: "fim",
  name: "Fill in the middle",
  shapes: ["fim"],
  needs: [],
  needsFim: true,
  render(sample, special) {
    const { prefix, suffix, middle } = sample as FimSample;
    const tokens = fimTokens(special);
    return [
      control(tokens.prefix, false),
      plain(prefix),
      control(tokens.suffix, false),
      plain(suffix),
      control(tokens.middle, false),
      learned(middle),
      control(special.end, true),
    ];
  },
  prompt: (instruction, input) => [plain(joinInput(instruction, input))],
  end: (special) => special.end,
};

function fimTokens(special: SpecialTokens): FimTokens {
  if (special.fim === null) throw new Error("The tokenizer has no tokens for filling in the middle.");
  return special.fim;
}
