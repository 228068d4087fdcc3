/** A `.tflite` of `yolact export` in this browser: LiteRT.js on the CPU (WebAssembly) or the GPU (WebGPU). */

import { type CompiledModel, isWebGPUSupported, type LiteRt, loadAndCompile, loadLiteRt, Tensor, unloadLiteRt } from "@litertjs/core";
import { toNetworkInput } from "./bilinear";
import { type Metadata, readMetadata } from "./metadata";
import { once } from "./once";
import type { Backend, Box, Detection, Found, Picture, Prototypes } from "./types";

/** Where the build has put WebAssembly, below the page. */
declare const LITERT_FOLDER: string;

export type Accelerator = "wasm" | "webgpu";
type Outputs = Record<string, { shape: number[]; values: ArrayLike<number> }>;

/** How far scores, and sides of boxes in 0..1, may be on the GPU from what they are on the CPU. */
const TOLERANCE = 0.02;
/** The share of a mask that may change: an edge of the crop, much of a small one, may fall on either side of a pixel. */
const CHANGED = 0.5;
/** Of fainter detections is not asked whether both have them: which of near-ties stay says nothing about a GPU. */
const COMPARED_SCORE = 0.1;
const PLACES = { wasm: "CPU", webgpu: "GPU" };
const MISSING = "This .tflite holds no prototypes: export the run with `--recipe litert_explore`.";

/** Whether there is a GPU that WebGPU can use. */
export async function hasWebGpu(): Promise<boolean> {
  return isWebGPUSupported() && (await navigator.gpu.requestAdapter().catch(() => null)) !== null;
}

/** Compiles a model file. Error, one line, where it is none that this page can use. */
export async function openLiteRt(file: Uint8Array, name: string, accelerator: Accelerator): Promise<Backend> {
  const metadata = readMetadata(file, name);
  const { size } = metadata;
  const runtime = await loadRuntime(accelerator);
  const model = await compile(file, name, accelerator);
  const threads = runtime.liteRtWasm.getThreadCount();
  const outputs = new Set(model.getOutputDetails().map((output) => output.name));
  if (!outputs.has("masks")) {
    throw new Error(`${name} ends with the network's raw outputs: export the run with \`--recipe litert_explore\`.`);
  }
  const place = accelerator === "wasm" && threads > 1 ? `${threads} threads of the CPU` : `the ${PLACES[accelerator]}`;
  const check = accelerator === "webgpu" ? gpuCheck(file, name) : null;
  const answer = async (picture: Picture) => {
    const input = toNetworkInput(await picture.pixels(), size);
    const found = await run(model, input, size);
    await check?.(found, input, size);
    return toFound(found, picture, metadata);
  };
  let last: Promise<unknown> = Promise.resolve();
  const detect = (picture: Picture) => {
    const found = answer(picture);
    last = found;
    return found;
  };
  return {
    status: `${name} on ${place}`,
    missing: outputs.has("prototypes") ? null : MISSING,
    detect,
    explore: detect,
    // A runtime that was unloaded meanwhile has taken the model along.
    close: () => void last.finally(() => model.delete()).catch(() => {}),
  };
}

let loaded: { threads: boolean; runtime: Promise<LiteRt> } | null = null;

/** WebAssembly, with threads where the server's headers allow them; but with threads WebGPU never answers. */
function loadRuntime(accelerator: Accelerator): Promise<LiteRt> {
  const threads = accelerator === "wasm" && globalThis.crossOriginIsolated;
  if (loaded?.threads !== threads) {
    if (loaded) unloadLiteRt();
    const runtime = loadLiteRt(new URL(LITERT_FOLDER, document.baseURI).href, { threads });
    loaded = { threads, runtime };
    runtime.catch(() => (loaded = null)); // so that a later try asks anew
  }
  return loaded.runtime;
}

async function compile(file: Uint8Array, name: string, accelerator: Accelerator): Promise<CompiledModel> {
  const options = { accelerator, gpuOptions: { precision: "fp32" as const } };
  const model = await loadAndCompile(file, options).catch((error) => {
    throw new Error(`${name} does not run on the ${PLACES[accelerator]}: ${String(error.message ?? error)}`);
  });
  if (accelerator === "webgpu" && !model.isFullyAccelerated) {
    model.delete();
    throw new Error(`The GPU does not take all of ${name}: choose the CPU.`);
  }
  return model;
}

async function run(model: CompiledModel, values: Float32Array, size: number): Promise<Outputs> {
  const image = new Tensor(values, [1, size, size, 3]);
  const answer = await model.run({ image });
  image.delete();
  const outputs: Outputs = {};
  for (const [name, tensor] of Object.entries(answer)) {
    // Copied: the memory behind it belongs to WebAssembly.
    outputs[name] = { shape: [...tensor.type.layout.dimensions], values: (await tensor.data()).slice() };
    tensor.delete();
  }
  return outputs;
}

/** Compares the first answer that can tell with the CPU's: a GPU that computes nonsense says nothing of it. */
function gpuCheck(file: Uint8Array, name: string): (answer: Outputs, input: Float32Array, size: number) => Promise<void> {
  let isChecked = false;
  return async (answer, input, size) => {
    if (isChecked) return;
    const model = await compile(file, name, "wasm");
    const expected = await run(model, input, size);
    model.delete();
    const best = expected.scores.values[0];
    // One at the line may be there on one side alone.
    const line = Math.min(COMPARED_SCORE, best / 2) + TOLERANCE;
    if (hasMore(expected, answer, line) || hasMore(answer, expected, line)) {
      throw new Error(`The GPU does not find what the CPU does: choose the CPU for ${name}.`);
    }
    isChecked = best > line;
  };
}

/** Whether a detection of an answer that scores more than `line` is not in another, at whatever place. */
function hasMore(answer: Outputs, other: Outputs, line: number): boolean {
  const places = (outputs: Outputs) => Array.from({ length: outputs.num_detections.values[0] }, (_, i) => i);
  const isClose = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE;
  const isSame = (i: number, j: number) =>
    answer.classes.values[i] === other.classes.values[j]
    && isClose(answer.scores.values[i], other.scores.values[j])
    && slot(answer.boxes, i).every((side, axis) => isClose(side, slot(other.boxes, j)[axis]))
    && changedShare(slot(answer.masks, i), slot(other.masks, j)) <= CHANGED;
  const compared = places(answer).filter((i) => answer.scores.values[i] > line);
  return compared.some((i) => !places(other).some((j) => isSame(i, j)));
}

/** Of the map pixels that either mask sets, how many only one of them does. */
function changedShare(mask: Float32Array, other: Float32Array): number {
  let [changed, either] = [0, 0];
  mask.forEach((value, i) => {
    changed += Number(value > 0.5 !== other[i] > 0.5);
    either += Number(value > 0.5 || other[i] > 0.5);
  });
  return changed / Math.max(either, 1);
}

/** The values of an output for one detection. */
function slot(output: Outputs[string], index: number): Float32Array {
  const length = output.values.length / output.shape[1];
  return (output.values as Float32Array).subarray(index * length, (index + 1) * length);
}

function toFound(outputs: Outputs, { width, height }: Picture, { labels, upsampling }: Metadata): Found {
  const { boxes, scores, classes, masks, coefficients } = outputs;
  const [, , rows, columns] = masks.shape;
  const ranks = (outputs.mask_scores ?? scores).values;
  const detections: Detection[] = [];
  for (let i = 0; i < outputs.num_detections.values[0]; i++) {
    const relative = [...slot(boxes, i)] as Box;
    const classId = classes.values[i];
    detections.push({
      classId,
      name: labels.get(classId) ?? `class ${classId}`,
      score: scores.values[i],
      maskScore: ranks[i],
      box: relative.map((side, axis) => side * (axis % 2 ? height : width)) as Box,
      mask: once(() => upsampling({ height: rows, width: columns, values: slot(masks, i) }, relative, width, height)),
      coefficients: coefficients ? slot(coefficients, i) : null,
    });
  }
  detections.sort((a, b) => b.maskScore - a.maskScore);
  return { width, height, detections, prototypes: toPrototypes(outputs), upsampling };
}

function toPrototypes({ prototypes }: Outputs): Prototypes | null {
  if (!prototypes) return null;
  const [, height, width, channels] = prototypes.shape;
  return { height, width, channels, values: prototypes.values as Float32Array };
}
