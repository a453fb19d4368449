import { ProtobufWriter } from "./protobuf";

/** The messages of ONNX that a model needs. The field numbers are those of onnx/onnx.proto3 (ONNX 1.16, IR version 10). */

export const ElementType = { float32: 1, uint8: 2, int32: 6, int64: 7 } as const;
export type ElementType = (typeof ElementType)[keyof typeof ElementType];

export type Attribute = { int: number } | { float: number } | { string: string } | { ints: number[] };

export interface Node {
  op: string;
  /** Empty: ONNX's own operators. */
  domain: string;
  name: string;
  /** An empty name stands for an optional input that is not given; the same goes for outputs. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/** A number: a fixed size; a string: a symbolic one. */
export type Dimension = number | string;

export interface ValueInfo {
  name: string;
  type: ElementType;
  shape: Dimension[];
}

/** Values that lie in the external data file. */
export interface ExternalTensor {
  name: string;
  type: ElementType;
  shape: number[];
  offset: number;
  bytes: number;
}

/** A small constant inside the model file. */
export interface InlineTensor {
  name: string;
  shape: number[];
  int64: bigint[];
}

export interface Graph {
  name: string;
  nodes: Node[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  external: ExternalTensor[];
  inline: InlineTensor[];
}

export interface Model {
  graph: Graph;
  irVersion: number;
  opsets: { domain: string; version: number }[];
  producer: string;
  metadata: Record<string, string>;
  /** Name of the external data file, beside the model file. */
  dataFile: string;
}

export function encodeModel(model: Model): Uint8Array {
  const writer = new ProtobufWriter();
  writer.int(1, model.irVersion).string(2, model.producer).message(7, encodeGraph(model.graph, model.dataFile));
  for (const { domain, version } of model.opsets) {
    writer.message(8, new ProtobufWriter().string(1, domain).int(2, version));
  }
  for (const [key, value] of Object.entries(model.metadata)) writer.message(14, stringEntry(key, value));
  return writer.finish();
}

function encodeGraph(graph: Graph, dataFile: string): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of graph.nodes) writer.message(1, encodeNode(node));
  writer.string(2, graph.name);
  for (const tensor of graph.external) writer.message(5, encodeExternal(tensor, dataFile));
  for (const tensor of graph.inline) writer.message(5, encodeInline(tensor));
  for (const value of graph.inputs) writer.message(11, encodeValueInfo(value));
  for (const value of graph.outputs) writer.message(12, encodeValueInfo(value));
  return writer;
}

function encodeNode(node: Node): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.name).string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) writer.message(5, encodeAttribute(name, value));
  if (node.domain) writer.string(7, node.domain);
  return writer;
}

/** AttributeProto.type: FLOAT = 1, INT = 2, STRING = 3, INTS = 7. */
function encodeAttribute(name: string, value: Attribute): ProtobufWriter {
  const writer = new ProtobufWriter().string(1, name);
  if ("float" in value) return writer.float(2, value.float).int(20, 1);
  if ("int" in value) return writer.int(3, value.int).int(20, 2);
  if ("string" in value) return writer.string(4, value.string).int(20, 3);
  for (const int of value.ints) writer.int(8, int);
  return writer.int(20, 7);
}

/** TensorProto with data_location = EXTERNAL (1). */
function encodeExternal(tensor: ExternalTensor, dataFile: string): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const dimension of tensor.shape) writer.int(1, dimension);
  writer.int(2, tensor.type).string(8, tensor.name);
  writer.message(13, stringEntry("location", dataFile));
  writer.message(13, stringEntry("offset", String(tensor.offset)));
  writer.message(13, stringEntry("length", String(tensor.bytes)));
  return writer.int(14, 1);
}

function encodeInline(tensor: InlineTensor): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const dimension of tensor.shape) writer.int(1, dimension);
  const raw = new Uint8Array(new BigInt64Array(tensor.int64).buffer);
  return writer.int(2, ElementType.int64).string(8, tensor.name).bytes(9, raw);
}

function encodeValueInfo(value: ValueInfo): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dimension of value.shape) {
    const writer = new ProtobufWriter();
    if (typeof dimension === "number") writer.int(1, dimension);
    else writer.string(2, dimension);
    shape.message(1, writer);
  }
  const tensor = new ProtobufWriter().int(1, value.type).message(2, shape);
  return new ProtobufWriter().string(1, value.name).message(2, new ProtobufWriter().message(1, tensor));
}

/** StringStringEntryProto. */
function stringEntry(key: string, value: string): ProtobufWriter {
  return new ProtobufWriter().string(1, key).string(2, value);
}
