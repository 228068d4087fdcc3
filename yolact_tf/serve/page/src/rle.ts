/** COCO's compressed run lengths: runs down the columns, background first, as text. */

import type { Mask } from "./types";

/** The mask that a text of run lengths tells, cut to what it holds. */
export function decodeRle(text: string, height: number): Mask {
  const spans: [number, number][] = [];
  let [at, left, right, top, bottom] = [0, Infinity, 0, Infinity, 0];
  decodeCounts(text).forEach((length, run) => {
    if (run % 2 && length) {
      const last = at + length - 1;
      const isOneColumn = Math.floor(at / height) === Math.floor(last / height);
      spans.push([at, last]);
      left = Math.min(left, Math.floor(at / height));
      right = Math.floor(last / height) + 1;
      top = Math.min(top, isOneColumn ? at % height : 0);
      bottom = Math.max(bottom, isOneColumn ? (last % height) + 1 : height);
    }
    at += length;
  });
  if (!spans.length) return { x: 0, y: 0, width: 0, height: 0, pixels: new Uint8Array() };
  const mask = { x: left, y: top, width: right - left, height: bottom - top };
  const pixels = new Uint8Array(mask.width * mask.height);
  for (const [first, last] of spans) {
    for (let p = first; p <= last; p++) {
      pixels[((p % height) - top) * mask.width + Math.floor(p / height) - left] = 1;
    }
  }
  return { ...mask, pixels };
}

/** The text of a mask in a picture of a size; equal to what pycocotools writes. */
export function encodeRle(mask: Mask, width: number, height: number): string {
  const counts: number[] = [];
  let [value, start] = [0, 0];
  const turn = (at: number) => {
    counts.push(at - start);
    [value, start] = [1 - value, at];
  };
  for (let x = 0; x < mask.width; x++) {
    const column = (mask.x + x) * height;
    for (let y = 0; y < mask.height; y++) {
      const pixel = mask.pixels[y * mask.width + x];
      // Between two columns of the window there is background, unless it is as high as the picture.
      if (y === 0 && value && mask.height < height) turn(column - height + mask.y + mask.height);
      if (pixel !== value) turn(column + mask.y + y);
    }
  }
  const end = (mask.x + mask.width - 1) * height + mask.y + mask.height;
  if (value && end < width * height) turn(end);
  counts.push(width * height - start);
  return encodeCounts(counts);
}

/** Five bits a character from "0" on, 32 marks "more follows", the last 16 is the sign; from the fourth run on
 * a number is the difference to the run before the last. */
function decodeCounts(text: string): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let [value, shift, bits] = [0, 0, 0];
    do {
      bits = text.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      shift += 5;
    } while (bits & 32);
    if (bits & 16 && shift < 32) value |= -1 << shift;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
  }
  return counts;
}

function encodeCounts(counts: number[]): string {
  let text = "";
  counts.forEach((count, run) => {
    let rest = run > 2 ? count - counts[run - 2] : count;
    for (let goesOn = true; goesOn; ) {
      const bits = rest & 31;
      rest >>= 5;
      goesOn = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(bits + (goesOn ? 32 : 0) + 48);
    }
  });
  return text;
}
