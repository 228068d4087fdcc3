/** Masks: assembled from prototypes, cropped, brought to the size of a picture, as `mask_windows` does in Python. */

import { stretchRows } from "./bilinear";
import type { Box, FeatureMap, Mask, Prototypes, Upsampling } from "./types";

/** One pixel of crop padding, one of interpolation. */
const REACH = 2;
/** Probabilities in single precision tell no larger logits apart. */
const SURE = 16;

/** Probabilities at the size of the picture, over 0.5. */
export const upsample: Upsampling = (map, relative, width, height) => {
  const columns = reached(relative[0], relative[2], map.width, width);
  const rows = reached(relative[1], relative[3], map.height, height);
  return stretched(map, width, height, columns, rows, 0.5);
};

/** What their sigmoid was taken of at the size of the picture, over 0: smooth edges, cropped after. */
export const upsampleLogits: Upsampling = (map, relative, width, height) => {
  const columns = around(relative[0], relative[2], map.width, width);
  const rows = around(relative[1], relative[3], map.height, height);
  const known: [Range, Range] = [
    kept(relative[0], relative[2], map.width), kept(relative[1], relative[3], map.height),
  ];
  const logits = { ...map, values: Float32Array.from(map.values, logitOf) };
  return stretched(logits, width, height, columns, rows, 0, known);
};

/** sigmoid(P·c), zero outside `crop` in 0..1 of the picture; with null everywhere what it is. */
export function assemble(prototypes: Prototypes, coefficients: Float32Array, crop: Box | null): FeatureMap {
  const { height, width, channels, values } = prototypes;
  const map = { height, width, values: new Float32Array(height * width) };
  const isKept = crop ? [cropRule(crop[0], crop[2], width), cropRule(crop[1], crop[3], height)] : null;
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; x++, pixel++) {
      if (isKept && !(isKept[0](x) && isKept[1](y))) continue;
      let logit = 0;
      for (let k = 0, at = pixel * channels; k < channels; k++, at++) logit += values[at] * coefficients[k];
      map.values[pixel] = 1 / (1 + Math.exp(-logit));
    }
  }
  return map;
}

/** A box grown by a share of its sides, all around. */
export function grown([x1, y1, x2, y2]: Box, share: number): Box {
  const [across, down] = [(x2 - x1) * share, (y2 - y1) * share];
  return [x1 - across, y1 - down, x2 + across, y2 + down];
}

/** How many pixels of the picture a mask has. */
export function areaOf({ pixels }: Mask): number {
  return pixels.reduce((sum, pixel) => sum + pixel, 0);
}

export function holds(mask: Mask, x: number, y: number): boolean {
  const [column, row] = [x - mask.x, y - mask.y];
  const isWithin = column >= 0 && row >= 0 && column < mask.width && row < mask.height;
  return isWithin && mask.pixels[row * mask.width + column] === 1;
}

/** First and past-the-last. */
type Range = [number, number];

/** Those columns and rows of a map at the size of the picture, over a threshold; the edge of `known` goes on. */
function stretched(
  map: FeatureMap, width: number, height: number, [left, right]: Range, [top, bottom]: Range, threshold: number,
  known?: [Range, Range],
): Mask {
  // Columns first, as in Python: the order decides how sums round.
  const wide = stretchRows(transposed(map.values, map.width), map.height, width, left, right, known?.[0]);
  const full = stretchRows(transposed(wide, map.height), right - left, height, top, bottom, known?.[1]);
  const pixels = Uint8Array.from(full, (value) => Number(value > threshold));
  return { x: left, y: top, width: right - left, height: bottom - top, pixels };
}

function logitOf(probability: number): number {
  return Math.min(Math.max(Math.log(probability) - Math.log1p(-probability), -SURE), SURE);
}

function cropRule(low: number, high: number, size: number): (index: number) => boolean {
  const [start, stop] = [low * size - 1, high * size + 1];
  return (index) => index >= start && index < stop;
}

/** First and past-the-last pixel that the padded crop can reach. */
function reached(low: number, high: number, map: number, size: number): Range {
  const scale = size / map;
  const start = Math.max(Math.floor((low * map - REACH) * scale), 0);
  const stop = Math.ceil((high * map + REACH + 1) * scale);
  return [start, Math.max(Math.min(stop, size), start)];
}

/** First and past-the-last pixel whose centre lies between, or at most half a pixel of the map outside. */
function around(low: number, high: number, map: number, size: number): Range {
  const [from, to] = [Math.min(low, high) - 0.5 / map, Math.max(low, high) + 0.5 / map];
  const start = Math.min(Math.max(Math.ceil(from * size - 0.5), 0), size);
  return [start, Math.max(Math.min(Math.ceil(to * size - 0.5), size), start)];
}

/** First and past-the-last pixel of the map that the crop keeps; at least one. */
function kept(low: number, high: number, map: number): Range {
  const start = Math.min(Math.max(Math.ceil(Math.min(low, high) * map - 1), 0), map - 1);
  return [start, Math.max(Math.min(Math.ceil(Math.max(low, high) * map + 1), map), start + 1)];
}

/** [n, width] values as [width, n]. */
function transposed(values: Float32Array, width: number): Float32Array {
  const rows = width ? values.length / width : 0;
  const turned = new Float32Array(values.length);
  for (let y = 0, at = 0; y < rows; y++) for (let x = 0; x < width; x++, at++) turned[x * rows + y] = values[at];
  return turned;
}
