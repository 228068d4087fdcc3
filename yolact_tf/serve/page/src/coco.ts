/** What was found as a COCO file: loads with pycocotools, as annotations or, its list alone, as results. */

import { areaOf } from "./masks";
import { encodeRle } from "./rle";
import type { Detection, Mask } from "./types";

/** JSON text. shown: detections with the masks that are on show. */
export function toCoco(
  fileName: string, width: number, height: number, shown: { detection: Detection; mask: Mask }[],
): string {
  const names = new Map(shown.map(({ detection }) => [detection.classId, detection.name]));
  const annotations = shown.map(({ detection, mask }, index) => {
    const [x1, y1, x2, y2] = detection.box;
    return {
      id: index + 1,
      image_id: 1,
      category_id: detection.classId,
      bbox: [x1, y1, x2 - x1, y2 - y1].map((value) => rounded(value, 3)),
      area: areaOf(mask),
      iscrowd: 0,
      score: rounded(detection.score, 6),
      ...(detection.maskScore !== detection.score && { mask_score: rounded(detection.maskScore, 6) }),
      segmentation: { size: [height, width], counts: encodeRle(mask, width, height) },
    };
  });
  const categories = [...names].sort(([a], [b]) => a - b).map(([id, name]) => ({ id, name }));
  return JSON.stringify({ images: [{ id: 1, file_name: fileName, width, height }], categories, annotations });
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
