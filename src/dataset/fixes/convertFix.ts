import { convertRow } from "../convert/convertRow";
import { bestFormat, detectDialect } from "../formats/detect";
import type { RowFix } from "./fix";

/** A row that is written in another format than the file's, in the file's. */
export const writeInFileFormat: RowFix = {
  id: "convert-row",
  checks: ["other-format"],
  title: "Write the rows in the file's format",
  safe: false,
  propose({ dialect, tree, value }) {
    const other = value && bestFormat(value);
    const from = other && detectDialect([value], { format: other.id });
    if (!tree || !dialect || !from) return null;
    const conversion = convertRow(value, from, dialect);
    if (conversion.value === null) return null;
    const { offset, length } = tree.root;
    const change = [{ offset, length, text: JSON.stringify(conversion.value) }];
    const { lost } = conversion;
    const losing = lost.length === 0 ? "" : `; it loses ${lost.join(", ")}`;
    return { title: `Write the row as ${dialect.format.name}${losing}`, change, certain: lost.length === 0 };
  },
};
