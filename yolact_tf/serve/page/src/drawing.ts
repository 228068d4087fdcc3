/** A picture with masks, boxes and labels on a canvas. */

import { css, inkOn, type Rgb } from "./colours";
import type { Box, Mask } from "./types";

export interface Drawn {
  box: Box;
  label: string;
  colour: Rgb;
  mask: Mask;
  /** Not the one that is looked at, while one is. */
  isDim: boolean;
}

interface Layers {
  colour: string;
  edge: number;
  inside: OffscreenCanvas;
  outline: OffscreenCanvas;
}

const LABEL = 18;
const LONGEST_LABEL = 30;
const layersOf = new WeakMap<Mask, Layers>();

/** Paints a picture and what was found, the best first, and on top. scale: canvas pixels a picture pixel. */
export function paint(
  canvas: HTMLCanvasElement, view: CanvasImageSource, size: { width: number; height: number },
  shown: Drawn[], opacity: number,
): void {
  const ratio = window.devicePixelRatio || 1;
  const scale = canvas.width / size.width;
  const pen = canvas.getContext("2d")!;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(view, 0, 0, canvas.width, canvas.height);
  for (const one of [...shown].reverse()) paintMask(pen, one, scale, one.isDim ? opacity / 3 : opacity);
  pen.save();
  pen.scale(ratio, ratio);
  const bright = shown.filter((one) => !one.isDim);
  for (const { box, colour } of [...bright].reverse()) {
    const [x1, y1, x2, y2] = box.map((side) => (side * scale) / ratio);
    pen.lineWidth = 1.5;
    pen.strokeStyle = css(colour);
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  const taken: { x: number; y: number; width: number }[] = [];
  for (const one of bright) paintLabel(pen, one, scale / ratio, canvas.width / ratio, taken);
  pen.restore();
}

function paintMask(pen: CanvasRenderingContext2D, { mask, colour }: Drawn, scale: number, opacity: number): void {
  if (!mask.width || !mask.height || !opacity) return;
  const { inside, outline } = layers(mask, colour, Math.max(1, Math.round(1 / scale)));
  const place = [mask.x * scale, mask.y * scale, mask.width * scale, mask.height * scale] as const;
  pen.globalAlpha = opacity;
  pen.drawImage(inside, ...place);
  pen.globalAlpha = Math.min(1, opacity * 1.7);
  pen.drawImage(outline, ...place);
  pen.globalAlpha = 1;
}

/** A mask as one-coloured pictures of its inside and of its outline, which keeps touching objects apart. */
function layers(mask: Mask, colour: Rgb, edge: number): Layers {
  const known = layersOf.get(mask);
  if (known && known.edge === edge && known.colour === css(colour)) return known;
  const { width, height, pixels } = mask;
  const paint = (255 << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0];
  const [inside, outline] = [new ImageData(width, height), new ImageData(width, height)];
  const [fill, line] = [new Uint32Array(inside.data.buffer), new Uint32Array(outline.data.buffer)];
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      if (!pixels[p]) continue;
      fill[p] = paint;
      const isWithin = x >= edge && x + edge < width && y >= edge && y + edge < height;
      const isDeep = isWithin && pixels[p - edge] && pixels[p + edge];
      if (!(isDeep && pixels[p - edge * width] && pixels[p + edge * width])) line[p] = paint;
    }
  }
  const made = { colour: css(colour), edge, inside: canvasOf(inside), outline: canvasOf(outline) };
  layersOf.set(mask, made);
  return made;
}

export function canvasOf(image: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

/** A label that would cover a better one's moves down, and is left out where there is no room. */
function paintLabel(
  pen: CanvasRenderingContext2D, { box, label, colour }: Drawn, scale: number, right: number,
  taken: { x: number; y: number; width: number }[],
): void {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const text = label.length > LONGEST_LABEL ? `${label.slice(0, 18)}…${label.slice(-8)}` : label;
  const width = pen.measureText(text).width + 10;
  const [x1, y1] = [box[0] * scale, box[1] * scale];
  const chip = { x: Math.max(0, Math.min(x1 - 0.75, right - width)), y: y1 >= LABEL ? y1 - LABEL : Math.max(0, y1), width };
  const covers = (other: { x: number; y: number; width: number }) =>
    chip.x < other.x + other.width && other.x < chip.x + width && Math.abs(chip.y - other.y) < LABEL;
  for (let tries = 0; taken.some(covers); tries++) {
    if (tries === 4) return;
    chip.y += LABEL;
  }
  taken.push(chip);
  pen.fillStyle = css(colour);
  pen.fillRect(chip.x, chip.y, width, LABEL);
  pen.fillStyle = inkOn(colour);
  pen.fillText(text, chip.x + 5, chip.y + LABEL / 2 + 0.5);
}
