/** A Python file's bytes as text: byte order mark, PEP 263 coding lines, line ends. */
import { TextDecoder } from "node:util";

export type SourceText = { text: string } | { reason: "not-utf8" | "unknown-encoding" | "binary" };

const codingLine = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
const latin1 = new Set(["latin-1", "latin1", "iso-8859-1", "iso8859-1", "iso-latin-1", "l1"]);

export function decodeSource(bytes: Buffer): SourceText {
  if (bytes.includes(0)) return { reason: "binary" };
  const marked = bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf;
  const encoding = marked ? "utf-8" : declaredEncoding(bytes);
  if (latin1.has(encoding)) return { text: normalizeLineEnds(bytes.toString("latin1")) };
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    return { reason: "unknown-encoding" };
  }
  try {
    return { text: normalizeLineEnds(decoder.decode(bytes)) };
  } catch {
    return { reason: encoding === "utf-8" ? "not-utf8" : "unknown-encoding" };
  }
}

/** In the first line, or in the second if the first is blank or a comment. */
function declaredEncoding(bytes: Buffer): string {
  const [first = "", second = ""] = bytes.toString("latin1", 0, 1000).split(/\r\n|\r|\n/, 2);
  const declared = codingLine.exec(first) ?? (/^[ \t\f]*(#|$)/.test(first) ? codingLine.exec(second) : null);
  const name = declared?.[1]?.toLowerCase().replaceAll("_", "-") ?? "utf-8";
  // Python reads ASCII and its own name for UTF-8 as what they are: parts of, or spellings of, UTF-8.
  return /^(utf-?8|utf-8-.*|us-ascii|ascii|u8)$/.test(name) ? "utf-8" : name;
}

function normalizeLineEnds(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
