import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { endOnBrokenPipe } from "./brokenPipe";

const failed = (code: string) => Object.assign(new Error("write failed"), { code });

it("ends the command where nobody reads on", () => {
  const stdout = new EventEmitter();
  const stderr = new EventEmitter();
  const codes: number[] = [];
  endOnBrokenPipe([stdout, stderr], (code) => codes.push(code));
  stdout.emit("error", failed("EPIPE"));
  stderr.emit("error", failed("EPIPE"));
  expect(codes).toEqual([141, 141]);
});

it("hides no other failure", () => {
  const stdout = new EventEmitter();
  endOnBrokenPipe([stdout], () => {});
  expect(() => stdout.emit("error", failed("ENOSPC"))).toThrow("write failed");
});
