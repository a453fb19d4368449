import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";

const repository = resolve(__dirname, "../..");
const engine = join(repository, "build/native/release/tunesmith-engine");

interface EngineSchema {
  events: Record<string, string[]>;
  eventHead: string[];
  controlTypes: string[];
  controlFields: string[];
  lockFields: string[];
  runFields: string[];
}

const files = ["engine", "run"].map((name) => join(repository, `src/protocol/${name}.ts`));
const program = ts.createProgram(files, { strict: true, noEmit: true });
const checker = program.getTypeChecker();

/** The exported type of that name in src/protocol. */
function typeNamed(name: string): ts.Type {
  for (const file of files) {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    const symbol = module && checker.getExportsOfModule(module).find((exported) => exported.name === name);
    if (symbol !== undefined) return checker.getDeclaredTypeOfSymbol(symbol);
  }
  throw new Error(`src/protocol has no type ${name}`);
}

function fieldType(type: ts.Type, name: string): ts.Type {
  const property = type.getProperty(name);
  if (property === undefined) throw new Error(`no field ${name}`);
  return checker.getTypeOfSymbol(property);
}

const parts = (type: ts.Type): ts.Type[] => (type.isUnion() ? type.types : [type]);

function fieldNames(type: ts.Type): string[] {
  return type.getProperties().map((property) => property.name);
}

function literals(type: ts.Type): string[] {
  return parts(type).map((part) => {
    if (!part.isStringLiteral()) throw new Error(`not a string literal: ${checker.typeToString(part)}`);
    return part.value;
  });
}

/** Dotted names of all fields that hold no object themselves; of a union of objects, every member's. */
function leafFields(type: ts.Type, prefix = ""): string[] {
  return type.getProperties().flatMap((property) => {
    const name = prefix + property.name;
    const objects = parts(checker.getTypeOfSymbol(property)).filter(isRecord);
    return objects.length === 0 ? [name] : objects.flatMap((part) => leafFields(part, `${name}.`));
  });
}

function isRecord(type: ts.Type): boolean {
  return (type.flags & ts.TypeFlags.Object) !== 0 && !checker.isArrayType(type);
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

describe("the engine's schema is that of src/protocol", () => {
  let schema: EngineSchema;

  beforeAll(() => {
    if (!existsSync(engine)) {
      throw new Error(
        `${engine} is not built: run "cmake --preset release && cmake --build --preset release" in native/`,
      );
    }
    schema = JSON.parse(execFileSync(engine, ["schema", "--json"], { encoding: "utf8" }));
  });

  it("has the events and their fields", () => {
    const head = fieldNames(typeNamed("EventHead"));
    const expected: Record<string, string[]> = {};
    for (const event of parts(typeNamed("EngineEvent"))) {
      for (const type of literals(fieldType(event, "type"))) {
        expected[type] = sorted(fieldNames(event).filter((name) => name !== "type" && !head.includes(name)));
      }
    }
    const found = Object.fromEntries(Object.entries(schema.events).map(([type, fields]) => [type, sorted(fields)]));
    expect(found).toEqual(expected);
    expect(sorted(schema.eventHead)).toEqual(sorted(["type", ...head]));
  });

  it("has the control messages", () => {
    const message = typeNamed("ControlMessage");
    expect(sorted(schema.controlTypes)).toEqual(sorted(literals(fieldType(message, "type"))));
    expect(sorted(schema.controlFields)).toEqual(sorted(fieldNames(message)));
  });

  it("has the lock's fields", () => {
    expect(sorted(schema.lockFields)).toEqual(sorted(fieldNames(typeNamed("EngineLock"))));
  });

  it("has the fields of run.json", () => {
    expect(sorted(schema.runFields)).toEqual(sorted(leafFields(typeNamed("RunSpec"))));
  });
});
