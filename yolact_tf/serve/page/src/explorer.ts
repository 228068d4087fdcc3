/** The prototype explorer: what a mask is made of, and what becomes of it when coefficients change. */

import { byId, make } from "./elements";
import type { Detection, Prototypes } from "./types";

/** Opened for one detection; `coefficients` are those of the sliders. */
export class Explorer {
  detection: Detection | null = null;
  coefficients: Float32Array = new Float32Array();
  private sliders: HTMLInputElement[] = [];

  /** changed: called when the mask is another one. */
  constructor(private readonly changed: () => void) {
    byId("reset").onclick = () => this.reset();
    byId("crop-one").onchange = () => this.update();
  }

  get isCropped(): boolean {
    return byId<HTMLInputElement>("crop-one").checked;
  }

  /** Whether the mask is another one than the model's answer. */
  get isChanged(): boolean {
    return !this.isCropped || this.coefficients.some((value, k) => value !== this.detection?.coefficients?.[k]);
  }

  /** Shows a detection's prototypes, of the largest coefficients first; or, without any, the reason why not. */
  open(detection: Detection, prototypes: Prototypes | null, missing: string | null): void {
    this.detection = detection;
    this.coefficients = Float32Array.from(detection.coefficients ?? []);
    const isKnown = prototypes !== null && detection.coefficients !== null;
    byId("explorer").hidden = false;
    byId("explorer-tools").hidden = !isKnown;
    byId("explorer-title").textContent = `Prototypes of ${detection.name} ${detection.maskScore.toFixed(2)}`;
    byId("explorer-text").textContent = isKnown
      ? `The mask is the sigmoid of ${prototypes.channels} prototypes, each times its coefficient. Move one.`
      : missing;
    byId<HTMLInputElement>("crop-one").checked = true;
    byId("prototypes").replaceChildren(...(isKnown ? this.entries(prototypes) : []));
    byId("explorer-title").focus({ preventScroll: true });
    this.update();
  }

  close(): void {
    this.detection = null;
    byId("explorer").hidden = true;
    this.changed();
  }

  private reset(): void {
    this.coefficients.set(this.detection!.coefficients!);
    this.sliders.forEach((slider) => {
      slider.value = String(this.coefficients[Number(slider.dataset.channel)]);
      tell(slider, this.coefficients[Number(slider.dataset.channel)]);
    });
    byId<HTMLInputElement>("crop-one").checked = true;
    this.update();
  }

  private update(): void {
    byId<HTMLButtonElement>("reset").disabled = !this.isChanged;
    this.changed();
  }

  private entries(prototypes: Prototypes): HTMLElement[] {
    const order = [...this.coefficients.keys()];
    order.sort((a, b) => Math.abs(this.coefficients[b]) - Math.abs(this.coefficients[a]));
    this.sliders = order.map((k) => this.slider(k));
    return order.map((k, place) => {
      const [item, row] = [make("li"), make("div")];
      row.className = "row";
      row.append(make("span", `#${k}`), make("output"));
      item.append(thumbnail(prototypes, k), row, this.sliders[place]);
      tell(this.sliders[place], this.coefficients[k]);
      return item;
    });
  }

  private slider(k: number): HTMLInputElement {
    const slider = make("input");
    // After tanh a coefficient lies in -1..1.
    Object.assign(slider, { type: "range", min: "-1", max: "1", step: "any", value: String(this.coefficients[k]) });
    slider.dataset.channel = String(k);
    slider.setAttribute("aria-label", `Coefficient of prototype ${k}`);
    slider.oninput = () => {
      this.coefficients[k] = Number(slider.value);
      tell(slider, this.coefficients[k]);
      this.update();
    };
    return slider;
  }
}

function tell(slider: HTMLInputElement, value: number): void {
  const item = slider.closest("li")!;
  item.classList.toggle("minus", value < 0);
  item.querySelector("output")!.textContent = value.toFixed(2).replace("-", "−");
  slider.setAttribute("aria-valuetext", value.toFixed(2));
}

/** A prototype in gray, from its lowest value to its highest. */
function thumbnail({ height, width, channels, values }: Prototypes, k: number): HTMLCanvasElement {
  const canvas = Object.assign(make("canvas"), { width, height });
  const channel = Float32Array.from({ length: height * width }, (_, pixel) => values[pixel * channels + k]);
  const [low, high] = channel.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const image = new ImageData(width, height);
  channel.forEach((value, pixel) => {
    const gray = high > low ? (255 * (value - low)) / (high - low) : 0;
    image.data.set([gray, gray, gray, 255], 4 * pixel);
  });
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Prototype ${k}`);
  return canvas;
}
