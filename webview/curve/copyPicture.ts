/** Charts as one picture. */

const GAP = 16;
const HEADING = 30;

export interface PicturePart {
  title: string;
  canvas: HTMLCanvasElement;
}

/** The first part over the whole width, the others in two columns beneath, on the page's background; PNG. */
export async function drawPicture([first, ...others]: readonly PicturePart[]): Promise<Blob> {
  if (first === undefined) throw new Error("There is no chart to draw.");
  const scale = devicePixelRatio;
  const [gap, heading] = [GAP * scale, HEADING * scale];
  const rowHeight = Math.max(0, ...others.map(({ canvas }) => canvas.height)) + heading + gap;
  const picture = document.createElement("canvas");
  const wide = Math.max(first.canvas.width, 2 * Math.max(0, ...others.map(({ canvas }) => canvas.width)) + gap);
  picture.width = wide + 2 * gap;
  picture.height = first.canvas.height + heading + 2 * gap + Math.ceil(others.length / 2) * rowHeight;
  const ctx = picture.getContext("2d")!;
  const style = getComputedStyle(document.body);
  const background = style.getPropertyValue("--vscode-editor-background").trim();
  ctx.fillStyle = background === "" ? style.backgroundColor : background;
  ctx.fillRect(0, 0, picture.width, picture.height);
  ctx.fillStyle = style.color;
  ctx.textBaseline = "middle";
  const put = ({ title, canvas }: PicturePart, left: number, top: number, size: number) => {
    ctx.font = `${size * scale}px ${style.fontFamily}`;
    ctx.fillText(title, left, top + heading / 2);
    ctx.drawImage(canvas, left, top + heading);
  };
  put(first, gap, gap, 15);
  others.forEach((part, index) => {
    const left = gap + (index % 2) * (wide / 2 + gap / 2);
    put(part, left, gap * 2 + heading + first.canvas.height + Math.floor(index / 2) * rowHeight, 12);
  });
  return new Promise((resolve, reject) => {
    picture.toBlob(
      (blob) => (blob === null ? reject(new Error("The picture is too large.")) : resolve(blob)),
      "image/png",
    );
  });
}

/** False where the page may not write pictures to the clipboard. */
export async function toClipboard(picture: Blob): Promise<boolean> {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    return true;
  } catch {
    return false;
  }
}

export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(start, start + 0x8000)));
  }
  return btoa(parts.join(""));
}
