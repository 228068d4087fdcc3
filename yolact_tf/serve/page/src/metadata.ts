/** What `yolact export` appends to a `.tflite` as a zip: names of classes, the input's size, how masks grow. */

import { unzipSync } from "fflate";
import { upsample, upsampleLogits } from "./masks";
import type { Upsampling } from "./types";

export interface Metadata {
  /** The side of the network's input. */
  size: number;
  /** Category id -> name. */
  labels: Map<number, string>;
  upsampling: Upsampling;
}

/** Error, one line, for any other file. */
export function readMetadata(file: Uint8Array, name: string): Metadata {
  try {
    const parts = unzipSync(file, { filter: (part) => part.name === "metadata.json" });
    const { image_size: size, labels, detect } = JSON.parse(new TextDecoder().decode(parts["metadata.json"]));
    if (!Number.isInteger(size)) throw new Error("no image_size");
    return {
      size,
      labels: new Map(Object.entries(labels).map(([id, label]) => [Number(id), String(label)])),
      upsampling: detect?.mask_upsampling === "logits" ? upsampleLogits : upsample,
    };
  } catch {
    throw new Error(`${name} is no .tflite of \`yolact export\`: it has no metadata.json.`);
  }
}
