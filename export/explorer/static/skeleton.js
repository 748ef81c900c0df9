// Keypoints as they come from the server, and people drawn of them.

export const ABSENT = -32768;

// See export/explorer/points.py.
export function readClip(buffer) {
  const view = new DataView(buffer);
  const frames = view.getUint32(4, true);
  const people = view.getUint16(8, true);
  const joints = view.getUint16(10, true);
  const places = 16 + 2 * (people + (people % 2));
  const size = people * frames * joints;
  return {
    frames, people, joints,
    unit: view.getFloat32(12, true),
    numbers: new Uint16Array(buffer, 16, people),
    xy: new Int16Array(buffer, places, 2 * size),
    scores: new Uint8Array(buffer, places + 4 * size, size),
  };
}

export function readMiddles(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint32(4, true);
  const about = new Uint16Array(buffer, 8, 4 * count);
  const units = new Float32Array(buffer, 8 + 8 * count, count);
  const xy = new Int16Array(buffer, 8 + 12 * count);
  const joints = count ? xy.length / 2 / count : 0;
  return Array.from({ length: count }, (_, i) => ({
    width: about[4 * i], height: about[4 * i + 1], state: ["drawn", "nobody", "damaged"][about[4 * i + 2]],
    unit: units[i], xy: xy.subarray(2 * joints * i, 2 * joints * (i + 1)),
  }));
}

export function place(clip, person, frame) {
  const start = (person * clip.frames + frame) * clip.joints;
  return {
    unit: clip.unit,
    xy: clip.xy.subarray(2 * start, 2 * (start + clip.joints)),
    scores: clip.scores.subarray(start, start + clip.joints),
  };
}

const colour = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

export class Painter {
  constructor(about) {
    this.seen = about.seen * 200;
    this.parts = Object.fromEntries(about.parts.map((part) => [part.name, part]));
    this.bodyLimbs = about.body_limbs;
    this.handLimbs = about.hand_limbs;
    this.contours = about.face_contours;
    this.bodyColours = about.body_colours.map(colour);
    this.fingerColours = about.finger_colours.map(colour);
  }

  // person: {xy, unit, scores?}; a point without scores is drawn wherever it is.
  draw(context, person, scale, left, top, parts) {
    const { xy, unit, scores } = person;
    const step = unit * scale;
    const seen = (i) => xy[2 * i] !== ABSENT && (!scores || scores[i] >= this.seen);
    const x = (i) => left + xy[2 * i] * step;
    const y = (i) => top + xy[2 * i + 1] * step;
    const alpha = (i) => (!scores || scores[i] === 255 ? 1 : Math.min(1, 0.25 + scores[i] / 200));
    const size = this.size(seen, x, y);
    context.lineCap = "round";
    const line = (a, b, width) => {
      if (!seen(a) || !seen(b)) return;
      context.globalAlpha = Math.min(alpha(a), alpha(b));
      context.lineWidth = Math.max(1, width * size);
      context.beginPath();
      context.moveTo(x(a), y(a));
      context.lineTo(x(b), y(b));
      context.stroke();
    };
    if (parts.has("body")) {
      this.bodyLimbs.forEach(([a, b], i) => {
        context.strokeStyle = this.bodyColours[i];
        line(a, b, i >= 12 ? 0.03 : 0.06);
      });
    }
    if (parts.has("face")) {
      context.strokeStyle = "rgb(235 240 245)";
      const start = this.parts.face.start;
      for (const contour of this.contours) {
        for (let i = 1; i < contour.length; i++) line(start + contour[i - 1], start + contour[i], 0.012);
      }
    }
    for (const hand of ["left_hand", "right_hand"]) {
      if (!parts.has(hand)) continue;
      const start = this.parts[hand].start;
      this.handLimbs.forEach(([a, b], i) => {
        context.strokeStyle = this.fingerColours[Math.floor(i / 4)];
        line(start + a, start + b, 0.025);
      });
      // The hands are told apart by their roots.
      if (seen(start)) {
        context.globalAlpha = alpha(start);
        context.fillStyle = hand === "left_hand" ? "rgb(70 200 255)" : "rgb(255 150 60)";
        context.beginPath();
        context.arc(x(start), y(start), Math.max(1.2, 0.04 * size), 0, 7);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }

  // About one shoulder width.
  size(seen, x, y) {
    if (seen(2) && seen(5)) return Math.max(8, Math.hypot(x(2) - x(5), y(2) - y(5)));
    return 40;
  }
}
