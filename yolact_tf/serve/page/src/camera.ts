/** The camera: frames by a button, or one after the other. */

export class Camera {
  private stream: MediaStream | null = null;

  constructor(private readonly video: HTMLVideoElement) {}

  get isOpen(): boolean {
    return this.stream !== null;
  }

  /** Shows what the camera sees. Error, one line, where there is none or it is refused. */
  async open(): Promise<void> {
    if (!navigator.mediaDevices) throw new Error("Browsers give the camera to pages of localhost and https only.");
    const wanted = { video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 } } };
    this.stream = await navigator.mediaDevices.getUserMedia(wanted).catch((error) => {
      const isRefused = error.name === "NotAllowedError";
      throw new Error(isRefused ? "The camera was not allowed." : `There is no camera to use (${error.message}).`);
    });
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  close(): void {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }
}
