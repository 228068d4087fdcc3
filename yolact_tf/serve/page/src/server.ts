/** A model behind TF Serving's REST API: `yolact serve`, or TF Serving itself. */

import { upsample } from "./masks";
import { once } from "./once";
import { decodeRle } from "./rle";
import type { Backend, Detection, Found, Picture, Prototypes } from "./types";

type B64 = { b64: string };

/** One answer of `serving_default` or `explore`. */
interface Prediction {
  num_detections: number;
  boxes: [number, number, number, number][];
  scores: number[];
  mask_scores?: number[];
  classes: number[];
  class_names: string[];
  masks_rle: string[];
  image_size: [number, number];
  coefficients?: number[][];
  prototypes_bytes?: B64;
  prototypes_shape?: [number, number, number];
}

/** Asks a server for what it has. address: its origin, "" for the one that this page comes from. */
export async function openServer(address: string, model: string): Promise<Backend> {
  const url = `${address}/v1/models/${encodeURIComponent(model)}`;
  const { model_version_status: versions } = await ask(url);
  // One that is being loaded or has been replaced is listed, too.
  const served = versions.find((version: { state: string }) => version.state === "AVAILABLE") ?? versions[0];
  const { metadata } = await ask(`${url}/metadata`);
  const isExplorable = "explore" in metadata.signature_def.signature_def;
  const predict = async (signature: string, picture: Picture, signal: AbortSignal) => {
    const instances = [{ image_bytes: { b64: await toBase64(await picture.file()) } }];
    const body = JSON.stringify({ signature_name: signature, instances });
    const headers = { "Content-Type": "application/json" };
    const { predictions } = await ask(`${url}:predict`, { method: "POST", headers, body, signal });
    return toFound(predictions[0]);
  };
  return {
    status: `version ${served.version}, ${String(served.state).toLowerCase()}`,
    missing: isExplorable ? null : "This model was exported without the signature `explore`: export the run anew "
      + "with `yolact export RUN --recipe saved_model`.",
    detect: (picture, signal) => predict("serving_default", picture, signal),
    explore: (picture, signal) => predict("explore", picture, signal),
    close: () => {},
  };
}

async function ask(url: string, request?: RequestInit): Promise<any> {
  const response = await fetch(url, request).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  });
  const reply = parse(await response.text(), response.status);
  if (!response.ok) throw new Error(reply.error ?? `The server answers HTTP ${response.status}.`);
  return reply;
}

function parse(text: string, status: number): any {
  for (const read of [(json: string) => json, withoutNaN]) {
    try {
      return JSON.parse(read(text));
    } catch {
      // The next way of reading it, or none.
    }
  }
  throw new Error(`The server's answer (HTTP ${status}) is not JSON.`);
}

/** The protocol writes NaN and Infinity as bare tokens, which JSON.parse refuses; strings are stepped over. */
function withoutNaN(json: string): string {
  const isText = (token: string) => token.startsWith('"');
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) => (isText(token) ? token : "null"));
}

function toFound(answer: Prediction): Found {
  const [height, width] = answer.image_size;
  const detections: Detection[] = [];
  for (let i = 0; i < answer.num_detections; i++) {
    const coefficients = answer.coefficients?.[i];
    detections.push({
      classId: answer.classes[i],
      name: answer.class_names[i] || `class ${answer.classes[i]}`,
      score: answer.scores[i],
      maskScore: (answer.mask_scores ?? answer.scores)[i],
      box: answer.boxes[i],
      mask: once(() => decodeRle(answer.masks_rle[i], height)),
      coefficients: coefficients ? Float32Array.from(coefficients) : null,
    });
  }
  detections.sort((a, b) => b.maskScore - a.maskScore);
  // What becomes of coefficients that were moved; masks that were answered are as the model makes them.
  return { width, height, detections, prototypes: toPrototypes(answer), upsampling: upsample };
}

function toPrototypes({ prototypes_bytes: bytes, prototypes_shape: shape }: Prediction): Prototypes | null {
  if (!bytes || !shape) return null;
  const raw = Uint8Array.from(atob(bytes.b64), (character) => character.charCodeAt(0));
  const [height, width, channels] = shape;
  const values = Float32Array.from(new Uint16Array(raw.buffer), fromFloat16);
  return { height, width, channels, values };
}

/** The number that 16 bits of IEEE 754 say. */
function fromFloat16(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

function toBase64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^.*?,/, ""));
    reader.onerror = () => reject(new Error("The browser could not read this file."));
    reader.readAsDataURL(blob);
  });
}
