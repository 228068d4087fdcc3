/** Which model answers: the server's, or a `.tflite` in this browser that a file or an address gives. */

import { byId } from "./elements";
import { hasWebGpu, openLiteRt, type Accelerator } from "./litert";
import { openServer } from "./server";
import type { Backend, Settings } from "./types";

type Place = "server" | "browser";
type Report = (doing: string | null, share?: number) => void;
interface ModelFile {
  name: string;
  read: (report: Report) => Promise<Uint8Array>;
}

export class Models {
  backend: Backend | null = null;
  private file: ModelFile | null = null;
  private settings: Settings = {};
  private hasGpu = false;
  private openings = 0;

  /** report: told what is being loaded and, where it is known, how much of it is there; null at the end. */
  constructor(private readonly report: Report, private readonly changed: (error: string | null) => void) {
    for (const name of ["place", "accelerator"]) {
      document.getElementsByName(name).forEach((choice) => choice.addEventListener("change", () => this.open()));
    }
    const input = byId<HTMLInputElement>("model-file");
    byId("choose-model").onclick = () => input.click();
    input.onchange = () => {
      if (input.files?.length) this.take(input.files[0]);
      input.value = "";
    };
  }

  /** Reads page.json, which says who answers, and opens that. */
  async start(): Promise<void> {
    const response = await fetch("page.json").catch(() => null);
    this.settings = response?.ok ? await response.json() : {};
    const { file, name, server } = this.settings;
    this.hasGpu = await hasWebGpu();
    document.title = byId("name").textContent = name ?? "Instance segmentation";
    byId("places").hidden = server === undefined;
    if (file) this.file = { name: file, read: (report) => download(file, report) };
    if (server === undefined) choose("browser");
    await this.open();
  }

  /** Runs a `.tflite` from now on. */
  async take(file: File): Promise<void> {
    this.file = { name: file.name, read: async () => new Uint8Array(await file.arrayBuffer()) };
    choose("browser");
    await this.open();
  }

  private async open(): Promise<void> {
    const mine = ++this.openings;
    const place = chosen<Place>("place");
    const file = place === "browser" ? this.file : null;
    byId("choose-model").hidden = place === "server";
    byId("accelerators").hidden = place === "server" || !this.hasGpu || !this.file;
    this.backend?.close();
    this.backend = null;
    if (place === "browser" && !file) return this.settle("down", "Choose a .tflite of yolact export.", null);
    this.tell("", place === "server" ? "asking the server…" : `loading ${file!.name}…`);
    try {
      const opened = await (file ? this.openFile(file) : openServer(this.settings.server!, this.settings.model!));
      if (mine !== this.openings) return; // another was chosen meanwhile
      this.backend = opened;
      this.settle("up", opened.status, null);
    } catch (error) {
      if (mine !== this.openings) return;
      this.settle("down", place === "server" ? "no answer" : "no model", (error as Error).message);
    }
  }

  private async openFile(file: ModelFile): Promise<Backend> {
    this.report(`Loading ${file.name}…`, 0);
    try {
      const bytes = await file.read(this.report);
      this.report("Starting LiteRT.js…");
      return await openLiteRt(bytes, file.name, chosen<Accelerator>("accelerator"));
    } finally {
      this.report(null);
    }
  }

  private settle(state: string, text: string, error: string | null): void {
    this.tell(state, text);
    this.changed(error);
  }

  private tell(state: string, text: string): void {
    byId("status").className = state;
    byId("status").textContent = text;
  }
}

/** The bytes of a file beside the page, with word of how many are there. */
async function download(name: string, report: Report): Promise<Uint8Array> {
  const response = await fetch(encodeURIComponent(name)); // a name may hold `#`, `?` and `%`
  if (!response.ok || !response.body) throw new Error(`${name} cannot be loaded (HTTP ${response.status}).`);
  const total = Number(response.headers.get("Content-Length"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    size += part.value.length;
    report(`Loading ${name}…`, total ? size / total : undefined);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function chosen<T extends string>(name: string): T {
  return document.querySelector<HTMLInputElement>(`input[name=${name}]:checked`)!.value as T;
}

function choose(place: Place): void {
  document.querySelector<HTMLInputElement>(`input[name=place][value=${place}]`)!.checked = true;
}
