/** Files and camera frames to pictures, with the pixels that Python would decode. */

import { withoutPngExif } from "./png_exif";
import type { Picture } from "./types";

/** What the server decodes itself; everything else that the browser can read goes there as PNG. */
const SENT_AS_IS = new Set(["image/jpeg", "image/png", "image/bmp", "image/gif", "image/webp"]);
/** As stored: a colour profile is not applied, in Python neither. EXIF orientation is, in both, but for PNG. */
const AS_STORED: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** Reads an image file. Error, one line, where the browser cannot. */
export async function readPicture(file: File): Promise<Picture> {
  const bitmap = await createImageBitmap(await withoutPngExif(file), AS_STORED).catch(() => null);
  if (!bitmap) throw new Error(`${file.name || "This file"} is no image that this browser can read.`);
  return {
    name: file.name || "pasted.png",
    width: bitmap.width,
    height: bitmap.height,
    view: bitmap,
    pixels: async () => {
      const drawn = drawnPixels(bitmap, bitmap.width, bitmap.height);
      return isOpaque(drawn) ? drawn : (textureOf(bitmap) ?? drawn);
    },
    file: async () => (SENT_AS_IS.has(file.type) ? file : encode(drawOn(bitmap, bitmap.width, bitmap.height))),
  };
}

/** The frame that a camera shows now. */
export function takeFrame(video: HTMLVideoElement): Picture {
  const { videoWidth: width, videoHeight: height } = video;
  const canvas = drawOn(video, width, height);
  return {
    name: "camera.jpg",
    width,
    height,
    view: canvas,
    pixels: async () => drawnPixels(canvas, width, height),
    file: () => canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 }),
  };
}

function drawOn(view: CanvasImageSource, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d", { willReadFrequently: true })!.drawImage(view, 0, 0);
  return canvas;
}

function drawnPixels(view: CanvasImageSource, width: number, height: number): ImageData {
  return drawOn(view, width, height).getContext("2d")!.getImageData(0, 0, width, height);
}

function encode(canvas: OffscreenCanvas): Promise<Blob> {
  return canvas.convertToBlob({ type: "image/png" });
}

function isOpaque({ data }: ImageData): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false;
  return true;
}

/** The colours under transparency, which a canvas rounds off and Python keeps; null where no WebGL reads them. */
function textureOf(bitmap: ImageBitmap): ImageData | null {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  gl.getExtension("WEBGL_lose_context")?.loseContext(); // browsers lend few of them
  return new ImageData(new Uint8ClampedArray(data.buffer), width, height);
}
