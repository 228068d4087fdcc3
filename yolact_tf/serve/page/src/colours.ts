/** The colours of Python's pictures: hues a golden ratio apart, so that neighbours among classes differ. */

export type Rgb = [number, number, number];

/** The colour of a class, by its category id. */
export function colourOf(classId: number): Rgb {
  const hue = ((classId * 0.618034 + 0.02) % 1) * 6;
  const [value, saturation] = [0.95, 0.75];
  const channel = (shift: number) => {
    const k = (shift + hue) % 6;
    return Math.round(255 * (value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white, whichever is easier to read on a colour. */
export function inkOn([red, green, blue]: Rgb): string {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#11161c" : "#fff";
}
