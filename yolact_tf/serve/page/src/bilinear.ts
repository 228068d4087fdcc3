/** Bilinear interpolation at half-pixel centres, in the single precision and the order of Python's. */

const { fround } = Math;

interface Taps {
  lower: Int32Array;
  upper: Int32Array;
  share: Float32Array;
}

/** RGBA pixels to the network's input, RGB float32 [size, size, 3] in 0..255: Python's `resize_images`. */
export function toNetworkInput({ data, width, height }: ImageData, size: number): Float32Array {
  const columns = resizeTaps(width, size);
  const rows = resizeTaps(height, size);
  const input = new Float32Array(size * size * 3);
  for (let y = 0, out = 0; y < size; y++) {
    const top = rows.lower[y] * width;
    const bottom = rows.upper[y] * width;
    for (let x = 0; x < size; x++) {
      const left = columns.lower[x];
      const right = columns.upper[x];
      for (let channel = 0; channel < 3; channel++, out++) {
        const at = (pixel: number) => data[4 * pixel + channel];
        const above = mix(at(top + left), at(top + right), columns.share[x]);
        const below = mix(at(bottom + left), at(bottom + right), columns.share[x]);
        input[out] = mix(above, below, rows.share[y]);
      }
    }
  }
  return input;
}

/** The rows `start` to `stop` of [map, width] values, stretched to `size` rows: [stop - start, width].
 *
 * known: first and past-the-last row that tells something; its edge goes on. */
export function stretchRows(
  values: Float32Array, width: number, size: number, start: number, stop: number, known?: [number, number],
): Float32Array {
  const map = values.length / width;
  const [first, last] = known ? [known[0], known[1] - 1] : [0, map - 1];
  const scale = fround(map / size);
  const stretched = new Float32Array((stop - start) * width);
  for (let row = start, out = 0; row < stop; row++) {
    const position = Math.min(Math.max(fround(fround(fround(row + 0.5) * scale) - 0.5), first), last);
    const lower = Math.floor(position);
    const share = fround(position - lower);
    const rest = fround(1 - share);
    const above = lower * width;
    const below = Math.min(lower + 1, last) * width;
    for (let column = 0; column < width; column++, out++) {
      stretched[out] = fround(values[above + column] * rest) + fround(values[below + column] * share);
    }
  }
  return stretched;
}

function resizeTaps(from: number, to: number): Taps {
  const taps = { lower: new Int32Array(to), upper: new Int32Array(to), share: new Float32Array(to) };
  const scale = fround(from / to);
  for (let index = 0; index < to; index++) {
    const position = fround(fround(fround(index + 0.5) * scale) - 0.5);
    const floor = Math.floor(position);
    taps.lower[index] = Math.max(floor, 0);
    taps.upper[index] = Math.min(Math.ceil(position), from - 1);
    taps.share[index] = fround(position - floor);
  }
  return taps;
}

function mix(first: number, second: number, share: number): number {
  return fround(first + fround(fround(second - first) * share));
}
