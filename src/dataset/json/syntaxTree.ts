/**
 * The syntax tree of one JSON text. Offsets and lengths count UTF-16 code units, as VS Code's columns do.
 */

export interface JsonString {
  kind: "string";
  offset: number;
  length: number;
  /** Whether the text between the quotes differs from the string it stands for. */
  escaped: boolean;
}
export interface JsonNumber {
  kind: "number";
  offset: number;
  length: number;
}
export interface JsonLiteral {
  kind: "true" | "false" | "null";
  offset: number;
  length: number;
}
export interface JsonMember {
  key: JsonString;
  value: JsonNode;
}
export interface JsonObject {
  kind: "object";
  offset: number;
  length: number;
  members: JsonMember[];
}
export interface JsonArray {
  kind: "array";
  offset: number;
  length: number;
  items: JsonNode[];
}
export type JsonNode = JsonString | JsonNumber | JsonLiteral | JsonObject | JsonArray;

/** Keys and indices from the root down, e.g. ["messages", 1, "content"]. */
export type JsonPath = readonly (string | number)[];

export interface JsonError {
  offset: number;
  /** 0 where the text ends too early. */
  length: number;
  message: string;
}

export interface DuplicateKey {
  key: string;
  /** The repeated key, quotes included. */
  offset: number;
  length: number;
  /** Where the same key stands first in that object. */
  firstOffset: number;
}

export interface JsonTree {
  ok: true;
  text: string;
  root: JsonNode;
  duplicateKeys: DuplicateKey[];
}
export interface JsonFailure {
  ok: false;
  error: JsonError;
}
export type JsonResult = JsonTree | JsonFailure;
