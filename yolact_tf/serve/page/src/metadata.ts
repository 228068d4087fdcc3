/** What `yolact export` appends to a `.tflite` as a zip: the names of the classes and the input's size. */

import { unzipSync } from "fflate";

/** The side of the network's input and category id -> name. Error, one line, for any other file. */
export function readMetadata(file: Uint8Array, name: string): { size: number; labels: Map<number, string> } {
  try {
    const parts = unzipSync(file, { filter: (part) => part.name === "metadata.json" });
    const { image_size: size, labels } = JSON.parse(new TextDecoder().decode(parts["metadata.json"]));
    if (!Number.isInteger(size)) throw new Error("no image_size");
    return { size, labels: new Map(Object.entries(labels).map(([id, label]) => [Number(id), String(label)])) };
  } catch {
    throw new Error(`${name} is no .tflite of \`yolact export\`: it has no metadata.json.`);
  }
}
