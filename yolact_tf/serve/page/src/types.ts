/** The values that flow through the page: a picture in, what was found in it out. */

/** Corners x1, y1, x2, y2; in pixels of the picture, or in 0..1 of it where a name says `relative`. */
export type Box = [number, number, number, number];

/** The part of a mask that can hold anything, at (x, y) of the picture. pixels: [height, width], 0 or 1. */
export interface Mask {
  x: number;
  y: number;
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** A map of probabilities that are zero outside the box `relative`, as the mask of a picture of this size. */
export type Upsampling = (map: FeatureMap, relative: Box, width: number, height: number) => Mask;

/** Probabilities or prototypes. values: [height, width], and [height, width, channels] of prototypes. */
export interface FeatureMap {
  height: number;
  width: number;
  values: Float32Array;
}

export interface Prototypes extends FeatureMap {
  channels: number;
}

export interface Detection {
  classId: number;
  name: string;
  score: number;
  /** The score, rescored where the model is a YOLACT++: what detections are ranked by. */
  maskScore: number;
  box: Box;
  /** What the model answered; worked out when it is first asked for. */
  mask: () => Mask;
  /** [channels] of the prototypes; null where the model does not tell. */
  coefficients: Float32Array | null;
}

/** What a model says of a picture, best first. */
export interface Found {
  width: number;
  height: number;
  detections: Detection[];
  prototypes: Prototypes | null;
  /** How a map becomes a mask. */
  upsampling: Upsampling;
}

/** A picture to look at. */
export interface Picture {
  name: string;
  width: number;
  height: number;
  view: CanvasImageSource;
  /** Its exact RGBA pixels, upright. */
  pixels: () => Promise<ImageData>;
  /** A file that a server can decode. */
  file: () => Promise<Blob>;
}

/** What runs a model. */
export interface Backend {
  /** Which model runs where, in a few words. */
  status: string;
  /** Which export brings prototypes and coefficients; null where `explore` answers with them. */
  missing: string | null;
  detect: (picture: Picture, signal: AbortSignal) => Promise<Found>;
  /** `detect` with prototypes and coefficients. */
  explore: (picture: Picture, signal: AbortSignal) => Promise<Found>;
  /** Lets go of what it holds, once it has answered. */
  close: () => void;
}

/** page.json: who answers. server: the address of a REST API, "" where it also serves this page. */
export interface Settings {
  name?: string;
  server?: string;
  model?: string;
  file?: string;
}
