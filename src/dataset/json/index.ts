/** JSON with positions. Invalid UTF-8 is not seen here: whoever decodes a file's bytes must refuse it. */

export { headAt, memberOf, nodeAt, rangeAt, type TextRange } from "./locate";
export { parseJson, stringValue } from "./parser";
export { hasRepeatedKey } from "./repeatedKeys";
export type * from "./syntaxTree";
