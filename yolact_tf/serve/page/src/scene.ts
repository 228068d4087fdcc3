/** What is on show: a picture, what was found in it, and which masks the controls make of that. */

import { colourOf } from "./colours";
import { paint } from "./drawing";
import { byId } from "./elements";
import { Explorer } from "./explorer";
import { areaOf, assemble, grown, holds } from "./masks";
import type { Box, Detection, Found, Mask, Picture } from "./types";

const LARGEST_SCALE = 3;
/** Height of what stands above and below the picture, which should all fit a window. */
const AROUND = 190;

export class Scene {
  picture: Picture | null = null;
  found: Found | null = null;
  /** The detection under the pointer or the keyboard in the list. */
  lit: Detection | null = null;
  readonly hidden = new Set<number>();
  readonly explorer: Explorer;
  private ranks = new Map<Detection, number>();
  private cropped = new Map<Detection, { crop: number; mask: Mask }>();

  constructor(repaint: () => void) {
    this.explorer = new Explorer(repaint);
  }

  show(picture: Picture, found: Found | null): void {
    this.picture = picture;
    this.found = found;
    this.lit = null;
    this.cropped.clear();
    this.ranks = new Map(found?.detections.map((detection, rank) => [detection, rank]));
  }

  get rankOf(): Map<Detection, number> {
    return this.ranks;
  }

  /** The detections of the chosen classes that score enough, best first. */
  get shown(): Detection[] {
    const least = valueOf("threshold");
    const isShown = (one: Detection) => Math.min(one.score, one.maskScore) > least && !this.hidden.has(one.classId);
    return this.found?.detections.filter(isShown) ?? [];
  }

  /** The mask on show: the model's own, unless the crop or the explorer's sliders make another. */
  maskOf(detection: Detection): Mask {
    const { explorer, found } = this;
    const crop = valueOf("crop");
    if (explorer.detection === detection && explorer.isChanged && found?.prototypes) {
      return this.assembled(detection, explorer.coefficients, explorer.isCropped ? crop : null);
    }
    if (!crop || !found?.prototypes || !detection.coefficients) return detection.mask();
    const known = this.cropped.get(detection);
    if (known?.crop === crop) return known.mask;
    const mask = this.assembled(detection, detection.coefficients, crop);
    this.cropped.set(detection, { crop, mask });
    return mask;
  }

  /** The detection at a place of the canvas: of several the smallest. */
  detectionAt(event: MouseEvent): Detection | null {
    if (!this.picture) return null;
    const canvas = byId("view").getBoundingClientRect();
    const x = Math.floor(((event.clientX - canvas.left) / canvas.width) * this.picture.width);
    const y = Math.floor(((event.clientY - canvas.top) / canvas.height) * this.picture.height);
    const hit = this.shown.filter((one) => holds(this.maskOf(one), x, y));
    return hit.sort((a, b) => areaOf(this.maskOf(a)) - areaOf(this.maskOf(b)))[0] ?? null;
  }

  paint(): void {
    const { picture } = this;
    if (!picture) return;
    const view = byId<HTMLCanvasElement>("view");
    const isExploring = this.explorer.detection !== null;
    const tallest = isExploring ? window.innerHeight * 0.42 : Math.max(260, window.innerHeight - AROUND);
    const scale = Math.min(byId("stage").clientWidth / picture.width, tallest / picture.height, LARGEST_SCALE);
    const ratio = window.devicePixelRatio || 1;
    view.style.width = `${Math.round(picture.width * scale)}px`;
    view.width = Math.round(picture.width * scale * ratio);
    view.height = Math.round(picture.height * scale * ratio);
    paint(view, picture.view, picture, this.drawn(), valueOf("opacity"));
  }

  private drawn() {
    const looked = this.lit ?? this.explorer.detection;
    return this.shown.map((detection) => ({
      box: detection.box,
      label: `${detection.name} ${detection.maskScore.toFixed(2)}`,
      colour: colourOf(detection.classId),
      mask: this.maskOf(detection),
      isDim: looked !== null && looked !== detection,
    }));
  }

  /** crop: the share of the box's sides that it is grown by; null for no crop. */
  private assembled(detection: Detection, coefficients: Float32Array, crop: number | null): Mask {
    const { width, height, prototypes, upsampling } = this.found!;
    const relative = detection.box.map((side, axis) => side / (axis % 2 ? height : width)) as Box;
    const box = crop === null ? null : grown(relative, crop);
    return upsampling(assemble(prototypes!, coefficients, box), box ?? [0, 0, 1, 1], width, height);
  }
}

export function valueOf(id: string): number {
  return Number(byId<HTMLInputElement>(id).value);
}
