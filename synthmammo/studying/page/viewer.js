"use strict";
// One image of 16 bits on a canvas: window and level, zoom, pan, inversion, marks and outlines.

class Viewer {
  constructor(box, shared, events = {}) {
    this.box = box; this.shared = shared; this.events = events;
    this.canvas = document.createElement("canvas");
    this.label = document.createElement("div"); this.label.className = "label";
    this.state = document.createElement("div"); this.state.className = "state";
    box.append(this.canvas, this.label, this.state);
    this.marks = []; this.outlines = []; this.cross = null; this.image = null; this.table = null;
    this.pointers = new Map();
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(box);
  }

  // `image`: {height, width, pixels: Uint16Array}
  show(image) { this.image = image; this.table = null; this.draw(); }

  close() { this.observer.disconnect(); }

  scale() { // screen pixels of the device per image pixel
    const fit = Math.min(this.canvas.width / this.image.width, this.canvas.height / this.image.height);
    return this.shared.exact ? this.shared.zoom : fit * this.shared.zoom;
  }

  place() { // corner of the image on the canvas
    const scale = this.scale(), { x, y } = this.shared;
    return [this.canvas.width / 2 - (0.5 - x) * this.image.width * scale, this.canvas.height / 2 - (0.5 - y) * this.image.height * scale];
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.box.clientWidth * ratio), height = Math.round(this.box.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) { this.canvas.width = width; this.canvas.height = height; }
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#000"; pen.fillRect(0, 0, width, height);
    if (!this.image || !width || !height) return;
    this.render();
    const scale = this.scale(), [left, top] = this.place();
    pen.imageSmoothingEnabled = scale < 3; pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, left, top, this.image.width * scale, this.image.height * scale);
    this.overlay(pen, scale, left, top, ratio);
    const [low, high] = this.shared.window;
    this.state.textContent = `${Math.round(scale * 100)} %   W ${Math.round(high - low)}  L ${Math.round((high + low) / 2)}`;
  }

  render() { // all 65,536 grey levels through one table, and only when the window changed
    const { window: [low, high], inverted } = this.shared, key = `${low},${high},${inverted}`;
    if (this.table === key) return;
    const grey = new Uint8ClampedArray(65536), slope = 255 / Math.max(1, high - low);
    for (let level = 0; level < 65536; level++) grey[level] = (level - low) * slope;
    if (inverted) for (let level = 0; level < 65536; level++) grey[level] = 255 - grey[level];
    const { height, width, pixels } = this.image;
    const data = new ImageData(width, height), words = new Uint32Array(data.data.buffer);
    for (let place = 0; place < pixels.length; place++) { const g = grey[pixels[place]]; words[place] = 0xff000000 | (g << 16) | (g << 8) | g; }
    if (!this.picture) this.picture = document.createElement("canvas");
    this.picture.width = width; this.picture.height = height;
    this.picture.getContext("2d").putImageData(data, 0, 0);
    this.table = key;
  }

  overlay(pen, scale, left, top, ratio) {
    const at = ([row, column]) => [left + column * scale, top + row * scale];
    pen.lineWidth = 2 * ratio; pen.font = `${13 * ratio}px sans-serif`;
    for (const { outline, words } of this.outlines) {
      pen.strokeStyle = pen.fillStyle = "#ffb454"; pen.beginPath();
      outline.forEach((corner, number) => pen[number ? "lineTo" : "moveTo"](...at(corner)));
      pen.closePath(); pen.stroke();
      const right = Math.max(...outline.map((corner) => corner[1])), upper = Math.min(...outline.map((corner) => corner[0]));
      const [x, y] = at([upper, right]);
      if (words) this.write(pen, words, Math.max(4, Math.min(x + 6 * ratio, this.canvas.width - pen.measureText(words).width - 8)), Math.max(16 * ratio, y), ratio);
    }
    this.marks.forEach((mark, number) => {
      const [x, y] = at([mark.row, mark.column]);
      pen.strokeStyle = pen.fillStyle = mark.current ? "#ffffff" : "#4aa3df"; pen.beginPath();
      pen.arc(x, y, 12 * ratio, 0, 7); pen.stroke();
      this.write(pen, `${number + 1} · ${mark.birads || "?"}`, x + 16 * ratio, y - 8 * ratio, ratio);
    });
    if (this.cross) {
      const [x, y] = at(this.cross); pen.strokeStyle = "#7fe0b0"; pen.lineWidth = ratio; pen.beginPath();
      pen.moveTo(x - 18 * ratio, y); pen.lineTo(x + 18 * ratio, y); pen.moveTo(x, y - 18 * ratio); pen.lineTo(x, y + 18 * ratio); pen.stroke();
    }
  }

  write(pen, text, x, y, ratio) { // readable on white tissue too
    const line = [pen.strokeStyle, pen.lineWidth];
    pen.strokeStyle = "#000c"; pen.lineWidth = 4 * ratio; pen.lineJoin = "round"; pen.strokeText(text, x, y); pen.fillText(text, x, y);
    [pen.strokeStyle, pen.lineWidth] = line;
  }

  pixel(event) { // where on the image an event is, as [row, column]
    const ratio = this.canvas.width / this.box.clientWidth, edge = this.canvas.getBoundingClientRect(), [left, top] = this.place(), scale = this.scale();
    return [((event.clientY - edge.top) * ratio - top) / scale, ((event.clientX - edge.left) * ratio - left) / scale];
  }

  inside([row, column]) { return row >= 0 && column >= 0 && row < this.image.height && column < this.image.width; }

  enlarge(factor) { this.shared.zoom = Math.min(40, Math.max(0.05, this.shared.zoom * factor)); this.changed(); }

  move(dx, dy) { // in pixels of the page
    const ratio = this.canvas.width / this.box.clientWidth, scale = this.scale(), clamp = (value) => Math.min(0.6, Math.max(-0.6, value));
    this.shared.x = clamp(this.shared.x + dx * ratio / scale / this.image.width);
    this.shared.y = clamp(this.shared.y + dy * ratio / scale / this.image.height);
    this.changed();
  }

  level(dx, dy) { // to the right widens, downwards darkens
    const [low, high] = this.shared.window, centre = (low + high) / 2 + dy * 90, width = Math.max(200, (high - low) + dx * 180);
    this.shared.window = [centre - width / 2, centre + width / 2]; this.changed();
  }

  changed() { (this.events.changed || (() => this.draw()))(this); }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.about(event, Math.exp(-event.deltaY / 500)); }, { passive: false });
    canvas.addEventListener("dblclick", () => { if (this.events.fit) this.events.fit(this); });
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.image) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event); this.moved = this.pointers.size > 1 ? 99 : 0; this.right = event.button === 2;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
      if (this.pointers.size === 2) {
        const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
        const far = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        this.enlarge(far(event) / Math.max(1, far(before))); this.move(dx / 2, dy / 2);
      } else if (this.moved + Math.hypot(dx, dy) > 4) {
        if (this.right || this.shared.tool === "window") this.level(dx, dy); else this.move(dx, dy);
      }
      this.moved += Math.hypot(dx, dy); this.pointers.set(event.pointerId, event);
    });
    const up = (event) => {
      const was = this.pointers.delete(event.pointerId);
      if (was && event.type === "pointerup" && this.moved <= 4 && !this.right && this.events.click) this.events.click(this, this.pixel(event));
    };
    canvas.addEventListener("pointerup", up); canvas.addEventListener("pointercancel", up);
  }

  about(event, factor) { // enlarge with the pixel under the pointer held in its place
    if (!this.image) return;
    const before = this.pixel(event); this.enlarge(factor);
    const after = this.pixel(event), scale = this.scale() / (this.canvas.width / this.box.clientWidth);
    this.move((after[1] - before[1]) * scale, (after[0] - before[0]) * scale);
  }
}

function readPixels(buffer) { // two uint32, height and width, then uint16, all little-endian
  const head = new DataView(buffer), height = head.getUint32(0, true), width = head.getUint32(4, true), data = new DataView(buffer, 8);
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (little) return { height, width, pixels: new Uint16Array(buffer, 8, height * width) };
  const pixels = new Uint16Array(height * width);
  for (let place = 0; place < pixels.length; place++) pixels[place] = data.getUint16(2 * place, true);
  return { height, width, pixels };
}

function firstView(levels) { return { window: [...levels], zoom: 1, exact: false, x: 0, y: 0, inverted: false, tool: "move" }; }
