"use strict";
// Teaching cases as files: each case is a script, since a page opened from a disk may read nothing else.

const $ = (id) => document.getElementById(id);
let place = 0, shared = firstView(CASES.window), viewers = [], shown = null, timer = null;

function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return readPixels(bytes.buffer);
}

function go(step) {
  place = (place + step + CASES.cases.length) % CASES.cases.length;
  const script = document.createElement("script"); script.src = CASES.cases[place].file;
  script.onload = () => script.remove(); document.body.append(script);
}

function showCase(content) { // called by the case's script
  stop(); shown = content; shared = firstView(CASES.window);
  viewers.forEach((one) => one.close()); $("views").replaceChildren();
  $("views").style.gridTemplateColumns = `repeat(${content.images.length}, 1fr)`;
  viewers = content.images.map((image) => {
    const box = document.createElement("div"); box.className = "view"; $("views").append(box);
    const viewer = new Viewer(box, shared, { changed: () => viewers.forEach((one) => one.draw()), fit });
    viewer.label.textContent = image.view; viewer.with = unpack(image.pixels); viewer.without = image.twin ? unpack(image.twin) : null;
    viewer.show(viewer.with); return viewer;
  });
  $("count").textContent = `Case ${place + 1} of ${CASES.cases.length}`; $("truth").textContent = ""; $("blink").hidden = true; $("tool").textContent = "Drag: move";
}

function reveal() {
  const truth = shown.truth, words = truth.lesions.map((one) => one.words).join("; ") || "no lesion";
  $("truth").textContent = [truth.kind, truth.density ? `density ${truth.density}` : "", words].filter(Boolean).join(" · ");
  viewers.forEach((one, number) => { one.outlines = truth.lesions.filter((lesion) => lesion.image === number); one.draw(); });
  $("blink").hidden = !viewers.some((one) => one.without);
}

function blink() {
  if (timer) { stop(); return; }
  if ($("blink").hidden) return;
  let off = false;
  timer = setInterval(() => { off = !off; viewers.forEach((one) => { if (one.without) one.show(off ? one.without : one.with); }); }, 600);
}

function stop() { clearInterval(timer); timer = null; viewers.forEach((one) => one.show(one.with)); }
function fit() { Object.assign(shared, { zoom: 1, exact: false, x: 0, y: 0 }); viewers.forEach((one) => one.draw()); }
function invert() { shared.inverted = !shared.inverted; viewers.forEach((one) => one.draw()); }
function tool() { shared.tool = shared.tool === "move" ? "window" : "move"; $("tool").textContent = shared.tool === "move" ? "Drag: move" : "Drag: window"; }

for (const [id, action] of [["back", () => go(-1)], ["on", () => go(1)], ["fit", fit], ["invert", invert], ["tool", tool], ["reveal", reveal], ["blink", blink]]) $(id).addEventListener("click", action);
document.addEventListener("keydown", (event) => {
  const action = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), Enter: reveal, b: blink, i: invert, f: fit, t: tool }[event.key];
  if (action) { event.preventDefault(); action(); }
});
document.title = $("title").textContent = CASES.title;
go(0);
