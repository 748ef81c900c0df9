// Confidence over time: the mean of each part of the primary signer, frame by frame, over the whole of a clip.

import { make, number } from "./dom.js";
import { ABSENT, place } from "./skeleton.js";

export const STRIPS = [
  ["body", "#5b8def"], ["face", "#c58af9"], ["left_hand", "#2bb3d6"], ["right_hand", "#f08a24"],
];

export class Strip {
  // parts: of `about`; total: frames of the clip; chunk: frames that are read at once.
  constructor(parts, total, chunk) {
    Object.assign(this, { total, chunk });
    this.parts = STRIPS.map(([name, colour]) => ({ ...parts.find((one) => one.name === name), colour }));
    this.count = Math.ceil(total / chunk);
    this.means = new Map();
    this.image = null;
    this.canvas = make("canvas", { class: "strip", role: "img" });
    this.canvas.dataset.read = "0";
  }

  has(index) { return this.means.has(index); }

  // Keeps what is drawn of a part of the clip; the points themselves may go.
  add(index, points) {
    if (this.has(index)) return;
    const isThere = points.people > 0 && points.numbers[0] === 0;
    this.means.set(index, this.parts.map(({ start, size }) => {
      const means = new Float32Array(points.frames).fill(NaN);
      for (let frame = 0; isThere && frame < points.frames; frame++) {
        const { xy, scores } = place(points, 0, frame);
        let sum = 0;
        for (let i = start; i < start + size; i++) {
          // As the lake has it: the mean is unknown where one of its scores is.
          if (scores[i] === 255) sum = NaN;
          else if (xy[2 * i] !== ABSENT) sum += scores[i];
        }
        means[frame] = sum / size / 200;
      }
      return means;
    }));
    this.draw();
  }

  draw() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    const context = this.canvas.getContext("2d");
    for (let index = 0; index < this.count; index++) {
      if (!this.has(index)) this.hatch(context, index, width, height, ratio);
    }
    this.parts.forEach(({ colour }, part) => {
      context.strokeStyle = colour;
      context.lineWidth = 1.5 * ratio;
      context.beginPath();
      let down = false;
      for (let index = 0; index < this.count; index++) {
        const means = this.means.get(index)?.[part];
        if (!means) { down = false; continue; }
        // Of a clip of hours not every frame has a pixel of its own.
        const step = Math.max(1, Math.floor(this.total / width / 2));
        for (let frame = 0; frame < means.length; frame += step) {
          if (Number.isNaN(means[frame])) { down = false; continue; }
          const x = ((index * this.chunk + frame + 0.5) / this.total) * width;
          const y = height * (1 - Math.min(1, means[frame])) * 0.9 + height * 0.05;
          if (down) context.lineTo(x, y);
          else context.moveTo(x, y);
          down = true;
        }
      }
      context.stroke();
    });
    const read = this.means.size;
    const rest = read === this.count ? "" : `; ${number(read)} of ${number(this.count)} parts are read, the rest is hatched`;
    this.canvas.setAttribute("aria-label", `Confidence over time${rest}`);
    this.canvas.dataset.read = String(read);
    this.image = context.getImageData(0, 0, width, height);
  }

  // Stripes over frames whose points have not come: they are not zero, they are not known yet.
  hatch(context, index, width, height, ratio) {
    const left = ((index * this.chunk) / this.total) * width;
    const right = (Math.min(this.total, (index + 1) * this.chunk) / this.total) * width;
    const gap = 6 * ratio;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.globalAlpha = 0.3;
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = ratio;
    context.beginPath();
    for (let x = Math.floor((left - height) / gap) * gap; x < right; x += gap) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }

  cursor(frame) {
    if (!this.image || this.image.width !== this.canvas.width) return;
    const context = this.canvas.getContext("2d");
    context.putImageData(this.image, 0, 0);
    const x = ((frame + 0.5) / this.total) * this.canvas.width;
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, this.canvas.height);
    context.stroke();
  }
}
