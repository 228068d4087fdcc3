/** PNG files without their EXIF: browsers turn a picture as it says, Python and TensorFlow do not read it. */

const SIGNATURE = 0x89504e47;
const EXIF = 0x65584966;
/** Length, name and checksum around the content of a chunk. */
const FRAME = 12;

/** The same picture as it is stored; any file that is no PNG with EXIF as it is. */
export async function withoutPngExif(file: Blob): Promise<Blob> {
  const bytes = new DataView(await file.arrayBuffer());
  if (bytes.byteLength < 8 || bytes.getUint32(0) !== SIGNATURE) return file;
  for (let at = 8; at + FRAME <= bytes.byteLength; ) {
    const end = at + FRAME + bytes.getUint32(at);
    if (bytes.getUint32(at + 4) === EXIF) return new Blob([file.slice(0, at), file.slice(end)], { type: file.type });
    at = end;
  }
  return file;
}
