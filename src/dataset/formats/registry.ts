import type { FormatId } from "../../protocol/run";
import { DatasetError } from "../problem";
import { alpaca } from "./alpaca";
import { chat, shareGpt } from "./chat";
import { fillInTheMiddle } from "./fillInTheMiddle";
import type { Format } from "./format";
import { plainText } from "./plainText";
import { preference } from "./preference";
import { promptCompletion } from "./promptCompletion";
import { promptMessages } from "./promptMessages";

/** Order decides a tie in detection. */
export const formats: readonly Format[] = [
  alpaca,
  promptCompletion,
  chat,
  shareGpt,
  promptMessages,
  fillInTheMiddle,
  plainText,
  preference,
];

export function formatById(id: FormatId): Format {
  const format = formats.find((candidate) => candidate.id === id);
  if (format === undefined) {
    throw new DatasetError(
      `There is no data set format "${id}": choose one of ${formats.map((known) => known.id).join(", ")}, or auto.`,
    );
  }
  return format;
}
