/** The list of detections and the filter of their classes. */

import { colourOf, css } from "./colours";
import { byId, make } from "./elements";
import type { Detection } from "./types";

interface Choices {
  light: (detection: Detection | null) => void;
  choose: (detection: Detection) => void;
}

/** Fills the list with what is on show; arrow keys move in it, Enter and Space choose. */
export function showList(shown: Detection[], chosen: Detection | null, choices: Choices): void {
  const list = byId("list");
  const before = [...list.children].indexOf(document.activeElement as Element);
  const rows = shown.map((detection, index) => {
    const row = toRow(detection, css(colourOf(detection.classId)));
    row.setAttribute("aria-selected", String(detection === chosen));
    row.tabIndex = (chosen && shown.includes(chosen) ? detection === chosen : index === 0) ? 0 : -1;
    row.onpointerenter = row.onfocus = () => choices.light(detection);
    row.onpointerleave = row.onblur = () => choices.light(null);
    row.onclick = () => choices.choose(detection);
    row.onkeydown = (event) => onKey(event, rows, index, () => choices.choose(detection));
    return row;
  });
  list.replaceChildren(...rows);
  // A list that is filled anew keeps the keyboard where it was.
  if (before >= 0 && rows.length) rows[Math.min(before, rows.length - 1)].focus();
}

/** Puts the keyboard on the row of a rank. */
export function focusRow(index: number): void {
  (byId("list").children[index] as HTMLElement | undefined)?.focus();
}

/** A check box for each class that was found; hidden where there is one only. */
export function showClasses(detections: Detection[], hidden: Set<number>, changed: () => void): void {
  const names = new Map(detections.map(({ classId, name }) => [classId, name]));
  byId("classes").hidden = names.size < 2;
  const boxes = [...names].sort(([, a], [, b]) => a.localeCompare(b)).map(([classId, name]) => {
    const [label, box] = [make("label"), make("input")];
    label.className = "check";
    box.type = "checkbox";
    box.checked = !hidden.has(classId);
    box.onchange = () => {
      if (box.checked) hidden.delete(classId);
      else hidden.add(classId);
      changed();
    };
    label.append(box, name);
    return label;
  });
  byId("class-list").replaceChildren(...boxes);
}

function toRow({ name, maskScore }: Detection, colour: string): HTMLLIElement {
  const [row, swatch, label, score] = [make("li"), make("i"), make("b", name), make("span", maskScore.toFixed(2))];
  row.setAttribute("role", "option");
  row.setAttribute("aria-label", `${name}, score ${maskScore.toFixed(2)}`);
  label.title = name;
  swatch.style.background = colour;
  row.append(swatch, label, score);
  return row;
}

function onKey(event: KeyboardEvent, rows: HTMLElement[], index: number, choose: () => void): void {
  const last = rows.length - 1;
  const moves: Record<string, number> = { ArrowDown: Math.min(index + 1, last), ArrowUp: Math.max(index - 1, 0), Home: 0, End: last };
  if (event.key === "Enter" || event.key === " ") choose();
  else if (event.key in moves) rows[moves[event.key]].focus();
  else return;
  event.preventDefault();
}
