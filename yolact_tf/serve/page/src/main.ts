/** The page: pictures in by file, drop, paste or camera; what was found in them on show. */

import "./style.css";
import { Camera } from "./camera";
import { toCoco } from "./coco";
import { byId } from "./elements";
import { focusRow, showClasses, showList } from "./list";
import { Models } from "./models";
import { readPicture, takeFrame } from "./pictures";
import { Scene, valueOf } from "./scene";
import type { Detection, Found, Picture } from "./types";

const scene = new Scene(() => soon(paint));
const models = new Models(report, modelChanged);
const camera = new Camera(byId<HTMLVideoElement>("video"));
let pending = new AbortController();
let explaining: Promise<void> | null = null;

// --- looking ------------------------------------------------------------------------------------------------

async function take(file: File): Promise<void> {
  if (file.name.endsWith(".tflite")) return models.take(file);
  closeCamera();
  try {
    await look(await readPicture(file));
  } catch (error) {
    fail((error as Error).message);
  }
}

/** Shows a picture, then what is found in it; a picture that is looked at meanwhile is left. */
async function look(picture: Picture, isLive = false): Promise<void> {
  pending.abort();
  const mine = (pending = new AbortController());
  fail(null);
  if (!isLive) {
    show(picture, null);
    byId("latency").textContent = "";
    refresh();
  }
  const { backend } = models;
  if (!backend) return;
  if (!isLive) report("Looking at the image…");
  const start = performance.now();
  try {
    const found = await backend.detect(picture, mine.signal);
    if (pending !== mine) return;
    const milliseconds = Math.round(performance.now() - start);
    show(picture, found);
    byId("latency").textContent = `${found.width} × ${found.height} px, answered in ${milliseconds} ms`;
  } catch (error) {
    if (pending !== mine || (error as Error).name === "AbortError") return;
    fail((error as Error).message);
  }
  report(null);
  refresh();
}

function show(picture: Picture, found: Found | null): void {
  scene.show(picture, found);
  showClasses(found?.detections ?? [], scene.hidden, refresh);
}

/** Adds prototypes and coefficients to what is on show, where the model has them; asks once, however often called. */
function explain(): Promise<void> {
  return (explaining ??= askForPrototypes().finally(() => (explaining = null)));
}

async function askForPrototypes(): Promise<void> {
  const { picture, found } = scene;
  if (!picture || !found || found.prototypes || !models.backend || models.backend.missing) return;
  report("Asking for the prototypes…");
  try {
    const explained = await models.backend.explore(picture, pending.signal);
    if (scene.found === found) show(picture, explained);
  } catch (error) {
    if ((error as Error).name === "AbortError") return; // for another picture, which reports for itself
    fail((error as Error).message);
  }
  report(null);
}

async function explore(detection: Detection): Promise<void> {
  const rank = scene.rankOf.get(detection)!;
  await explain();
  const explained = scene.found?.detections[rank];
  if (!explained || !models.backend) return;
  document.documentElement.classList.add("exploring");
  scene.explorer.open(explained, scene.found!.prototypes, models.backend.missing);
  refresh();
  byId("explorer-title").scrollIntoView({ block: "nearest" });
}

function closeExplorer(): void {
  const index = scene.shown.indexOf(scene.explorer.detection!);
  scene.explorer.close();
  document.documentElement.classList.remove("exploring");
  refresh();
  focusRow(index);
}

function modelChanged(error: string | null): void {
  fail(error);
  const missing = models.backend?.missing ?? null;
  byId<HTMLInputElement>("crop").disabled = missing !== null;
  byId("crop-why").hidden = missing === null;
  byId("crop-why").textContent = missing;
  if (scene.picture && models.backend && !camera.isOpen) void look(scene.picture);
}

// --- the camera ---------------------------------------------------------------------------------------------

async function toggleCamera(): Promise<void> {
  if (camera.isOpen) return closeCamera();
  fail(null);
  try {
    await camera.open();
  } catch (error) {
    fail((error as Error).message);
  }
  showCamera();
}

function closeCamera(): void {
  camera.close();
  byId<HTMLInputElement>("live").checked = false;
  showCamera();
}

function showCamera(): void {
  const isLive = byId<HTMLInputElement>("live").checked;
  const isAiming = camera.isOpen && !isLive;
  byId("camera").setAttribute("aria-pressed", String(camera.isOpen));
  byId("camera").textContent = camera.isOpen ? "Close camera" : "Camera";
  byId("frame").hidden = !isAiming;
  byId("live-label").hidden = !camera.isOpen;
  byId("video").hidden = !isAiming;
  byId("view").hidden = isAiming || !scene.picture;
  byId("empty").hidden = isAiming || scene.picture !== null;
}

async function takePicture(): Promise<void> {
  const picture = takeFrame(byId<HTMLVideoElement>("video"));
  closeCamera();
  await look(picture);
  byId("camera").focus();
}

async function live(): Promise<void> {
  if (scene.explorer.detection) closeExplorer();
  showCamera();
  const box = byId<HTMLInputElement>("live");
  while (camera.isOpen && box.checked && models.backend) {
    await look(takeFrame(byId<HTMLVideoElement>("video")), true);
    showCamera();
    if (!byId("error").hidden) box.checked = false;
    await new Promise(requestAnimationFrame);
  }
  showCamera();
}

// --- what is on show ----------------------------------------------------------------------------------------

function refresh(): void {
  const { picture, found, explorer } = scene;
  if (explorer.detection && !scene.rankOf.has(explorer.detection)) {
    document.documentElement.classList.remove("exploring");
    explorer.close();
  }
  const shown = scene.shown;
  const all = found?.detections ?? [];
  byId("threshold-text").textContent = valueOf("threshold").toFixed(2);
  byId("opacity-text").textContent = percent(valueOf("opacity"));
  byId("crop-text").textContent = percent(valueOf("crop"));
  byId("count").textContent = all.length ? `${shown.length} of ${all.length}` : "";
  byId("none").hidden = shown.length > 0;
  byId("none").textContent = all.length ? "None has this score or class: move the slider left."
    : found ? "Nothing was found in this image." : picture ? "" : "Nothing yet: choose an image.";
  byId<HTMLButtonElement>("download").disabled = !found;
  const words = shown.map(({ name, maskScore }) => `${name} ${maskScore.toFixed(2)}`).join(", ");
  byId("view").setAttribute("aria-label", picture ? `${picture.name}: ${words || "nothing found"}` : "No image yet");
  showList(shown, explorer.detection, { light, choose: explore });
  showCamera();
  paint();
}

function paint(): void {
  scene.paint();
}

function light(detection: Detection | null): void {
  scene.lit = detection;
  soon(paint);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function fail(message: string | null): void {
  byId("error").hidden = message === null;
  byId("error").textContent = message;
}

function report(doing: string | null, share?: number): void {
  byId("busy").hidden = doing === null;
  byId("doing").textContent = doing;
  const progress = byId<HTMLProgressElement>("progress");
  if (share === undefined) progress.removeAttribute("value");
  else progress.value = share;
}

function download(): void {
  const { picture, found } = scene;
  const shown = scene.shown.map((detection) => ({ detection, mask: scene.maskOf(detection) }));
  const text = toCoco(picture!.name, found!.width, found!.height, shown);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${picture!.name.replace(/\.\w+$/, "")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- events -------------------------------------------------------------------------------------------------

const waiting = new Set<() => void>();
/** Calls `work` once before the next frame, however often it is asked for. */
function soon(work: () => void): void {
  if (waiting.has(work)) return;
  waiting.add(work);
  requestAnimationFrame(() => {
    waiting.delete(work);
    work();
  });
}

function onClick(id: string, work: () => unknown): void {
  byId(id).onclick = () => void work();
}

const fileInput = byId<HTMLInputElement>("file");
onClick("choose", () => fileInput.click());
onClick("camera", toggleCamera);
onClick("frame", takePicture);
onClick("download", download);
onClick("close-explorer", closeExplorer);
fileInput.onchange = () => {
  if (fileInput.files?.length) void take(fileInput.files[0]);
  fileInput.value = "";
};
byId("live").onchange = () => void live();
byId("threshold").oninput = byId("opacity").oninput = () => soon(refresh);
byId("crop").oninput = async () => {
  await explain();
  soon(refresh);
};
byId("view").onclick = (event) => {
  const detection = scene.detectionAt(event);
  if (detection) void explore(detection);
};
window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (scene.explorer.detection) closeExplorer();
  else if (camera.isOpen) closeCamera();
});
window.addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (file) void take(file);
});
window.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("stage").classList.add("over");
});
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("stage").classList.remove("over");
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("stage").classList.remove("over");
  const file = event.dataTransfer?.files[0];
  if (file) void take(file);
});
new ResizeObserver(() => soon(paint)).observe(byId("left"));
refresh();
void models.start();
