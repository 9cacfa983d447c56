"use strict";
// The page of a study: who reads, which task, one question after another. Everything shown is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
const TASKS = {
  classify: ["Real or generated?", "One case at a time: say whether it is real, and how sure you are."],
  pick: ["Find the generated one", "Several images at once, one of them generated. It ends after some wrong answers."],
  find: ["Find the lesion", "Mark every lesion that you see and give its BI-RADS category; confirm without a mark where there is none."],
};
let about, reader, task, asked, shared, viewers = [], choice = null, marks = [], cross = null, crossView = 0;
let elapsed = 0, since = null, paused = false, told = null, blinking = false, blinkTimer = null, busy = false;

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(path, options), type = reply.headers.get("Content-Type") || "";
  const content = type.includes("json") ? await reply.json() : { error: await reply.text() };
  if (!reply.ok) throw Object.assign(new Error(content.error || "The server did not take that."), { status: reply.status });
  return content;
}

// ---- who reads, and what

async function start() {
  about = await ask("api/study");
  document.title = about.title; $("title").textContent = about.title + (about.teach ? " · teaching" : "");
  $("about").textContent = `${about.cases} cases. ${about.teach ? "After each answer you see what was right." : "You can pause and come back at any time; you go on at the same image."}`;
  const name = new URLSearchParams(location.search).get("reader") || sessionStorage.getItem("reader");
  $("start").hidden = false;
  if (name) { $("name").value = name; await begin(true); } else $("name").focus();
}

async function begin(resume) {
  try {
    reader = await ask("api/readers", { name: $("name").value, resume });
  } catch (error) {
    if (error.status !== 409) { $("start-error").textContent = error.message; return; }
    $("taken-text").textContent = `${$("name").value} has begun already. Is that you?`;
    $("taken").hidden = false; $("resume").focus(); return;
  }
  sessionStorage.setItem("reader", reader.name);
  $("who").hidden = true; $("start-error").textContent = ""; await chooseTask();
}

async function chooseTask() {
  for (const id of ["work", "end", "paused"]) $(id).hidden = true;
  $("start").hidden = $("tasks").hidden = false; $("welcome").textContent = reader.name;
  const states = await Promise.all(about.tasks.map((one) => ask(`api/${one}?reader=${encodeURIComponent(reader.reader)}`)));
  $("task-list").replaceChildren(...about.tasks.map((one, number) => taskButton(one, states[number])));
  const first = $("task-list").querySelector("button:enabled"); if (first) first.focus();
}

function taskButton(one, state) {
  const button = document.createElement("button"), line = document.createElement("span"), where = document.createElement("span");
  button.append(TASKS[one][0]); line.textContent = TASKS[one][1];
  where.textContent = state.done ? "Finished" : state.number ? `Go on: ${state.number} answered` : one === "pick" ? `${about.alternatives} images per round` : `${state.of} cases`;
  button.append(line, where); button.disabled = state.done; button.dataset.task = one;
  button.addEventListener("click", () => run(one));
  return button;
}

async function run(which) {
  task = which; $("start").hidden = true; $("work").hidden = false;
  $("task-name").textContent = TASKS[task][0];
  await show(await ask(`api/${task}?reader=${encodeURIComponent(reader.reader)}`));
}

// ---- one question

async function show(next) {
  asked = next; told = null; choice = null; marks = []; cross = null; crossView = 0; stopBlinking();
  $("told").hidden = true; $("message").textContent = ""; $("comment").value = "";
  if (asked.done) { finish(); return; }
  $("count").textContent = task === "pick" ? `Round ${asked.number + 1}` : `${asked.number + 1} of ${asked.of}`;
  $("progress").max = asked.of; $("progress").value = asked.number; $("progress").hidden = task === "pick";
  const images = asked.cases.flatMap((one, number) => one.images.map((image) => ({ ...image, case: number })));
  viewers.forEach((one) => one.close()); viewers = [];
  shared = firstView(about.window); $("views").replaceChildren();
  const columns = images.length > 4 ? 3 : images.length > 1 ? 2 : 1;
  $("views").style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  images.forEach((image, number) => addView(image, number));
  choices(); stopClock();
  try {
    const loaded = await Promise.all(images.map((image) => pixels(image.name, false)));
    loaded.forEach((image, number) => viewers[number].show(image));
  } catch (error) { $("message").textContent = `The image did not come (${error.message}); reload the page to go on.`; return; }
  elapsed = kept(); startClock(); document.body.dataset.ready = `${task}-${asked.number}`;
}

async function pixels(name, twin) {
  const reply = await fetch(`api/images/${name}` + (twin ? `?twin=true&reader=${encodeURIComponent(reader.reader)}` : ""));
  if (!reply.ok) throw new Error(await reply.text());
  return readPixels(await reply.arrayBuffer());
}

function addView(image, number) {
  const box = document.createElement("div"); box.className = "view"; box.dataset.case = image.case;
  const own = task === "pick" ? firstView(about.window) : shared;
  const viewer = new Viewer(box, own, { changed: redraw, fit: () => act("f"), click: clicked });
  viewer.number = number; viewer.name = image.name; viewer.caseNumber = image.case;
  viewer.label.textContent = task === "pick" ? `${image.case + 1}${image.view ? " · " + image.view : ""}` : image.view;
  if (task === "find") box.classList.add("marking");
  viewers.push(viewer); $("views").append(box);
}

function redraw(from) {
  // Windows go together everywhere, places only within a case.
  for (const one of viewers) { if (from) { one.shared.window = from.shared.window; one.shared.inverted = from.shared.inverted; } one.draw(); }
}

function choices() {
  const labels = task === "classify" ? about.scale : task === "pick" ? asked.cases.map((one, number) => `Image ${number + 1}`) : about.birads.map((name) => `BI-RADS ${name}`);
  $("ask").textContent = task === "classify" ? "This case is" : task === "pick" ? "Generated is" : "The last mark is";
  $("choices").replaceChildren(...labels.map((label, number) => {
    const button = document.createElement("button"), key = document.createElement("kbd");
    key.textContent = number + 1; button.append(label, key); button.setAttribute("role", "radio"); button.setAttribute("aria-checked", "false");
    if (task === "classify") button.classList.add(number < about.scale.length / 2 ? "real" : "made");
    button.addEventListener("click", () => choose(number)); return button;
  }));
  refresh();
}

function choose(number) {
  if (told || number >= $("choices").children.length) return;
  if (task === "find") {
    if (!marks.length) { $("message").textContent = "Mark a lesion first: click it, or press X, move the cross and press M."; return; }
    marks[marks.length - 1].birads = about.birads[number];
  } else if (task === "pick" && choice === number) {
    viewers.filter((one) => one.caseNumber === number).forEach((one) => one.box.classList.toggle("enlarged"));
  } else {
    viewers.forEach((one) => one.box.classList.remove("enlarged")); choice = number;
  }
  refresh();
}

function refresh() {
  const last = marks[marks.length - 1], chosen = task === "find" ? (last ? about.birads.indexOf(last.birads) : -1) : choice;
  [...$("choices").children].forEach((one, number) => one.setAttribute("aria-checked", String(number === chosen)));
  const ready = task === "find" ? marks.every((one) => one.birads) : choice !== null;
  $("confirm").disabled = !ready || busy || told !== null;
  $("confirm").firstChild.textContent = task === "find" && !marks.length ? "No lesion " : "Confirm ";
  if (ready) $("message").textContent = "";
  for (const viewer of viewers) {
    if (task === "pick") viewer.box.classList.toggle("chosen", viewer.caseNumber === choice);
    viewer.marks = marks.filter((one) => one.image === viewer.number).map((one) => ({ ...one, current: one === last }));
    viewer.cross = cross && crossView === viewer.number ? cross : null; viewer.draw();
  }
}

function clicked(viewer, place) {
  if (told) return;
  if (task === "pick") { choose(viewer.caseNumber); return; }
  if (task === "find" && viewer.inside(place)) mark(viewer.number, place);
}

function mark(image, [row, column]) {
  const near = marks.findIndex((one) => one.image === image && Math.hypot(one.row - row, one.column - column) < about.shape[0] / 60);
  if (near >= 0) marks.push(...marks.splice(near, 1)); else marks.push({ image, row, column, birads: null });
  refresh();
}

async function confirm() {
  if ($("confirm").disabled || paused) return;
  busy = true; stopClock(); refresh();
  const body = { number: asked.number, seconds: Math.round(elapsed * 10) / 10, comment: $("comment").value };
  if (task === "classify") body.rating = choice + 1;
  if (task === "pick") body.chosen = asked.cases[choice].name;
  if (task === "find") body.marks = marks;
  try {
    const reply = await ask(`api/${task}?reader=${encodeURIComponent(reader.reader)}`, body);
    localStorage.removeItem(clockName()); busy = false;
    if (reply.feedback) tell(reply); else await show(reply.next);
  } catch (error) {
    busy = false; refresh(); startClock();
    $("message").textContent = error.status ? error.message : "The server does not answer. Your answer is still here; confirm again when it is back.";
  }
}

function finish() {
  stopClock(); $("work").hidden = true; $("end").hidden = false; document.body.dataset.ready = `${task}-done`;
  $("end-text").textContent = `You have finished “${TASKS[task][0]}”. Your answers are kept.`; $("again").focus();
}

// ---- teaching

function tell(reply) {
  told = reply; refresh();
  const one = reply.feedback.cases, facts = [];
  $("verdict").textContent = reply.feedback.right ? "Right" : "Not right"; $("verdict").className = reply.feedback.right ? "good" : "bad";
  one.forEach((truth, number) => {
    const name = one.length > 1 ? `Image ${number + 1}` : "Origin";
    facts.push([name, truth.kind + (truth.edits ? ` (${truth.edits})` : "")]);
    if (one.length > 1) return;
    if (truth.density) facts.push(["Density", truth.density]);
    if (!truth.lesions.length) facts.push(["Lesion", "none"]);
    truth.lesions.forEach((lesion) => facts.push(["Lesion", lesion.words]));
    if (truth.difficulty !== null) facts.push(["Difficulty", `harder than ${Math.round(truth.difficulty * 100)} %`]);
  });
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd"); dt.textContent = name; dd.textContent = value; return [dt, dd];
  }));
  for (const viewer of viewers) {
    const truth = one.find((each) => each.name === asked.cases[viewer.caseNumber].name);
    const within = viewer.number - viewers.findIndex((each) => each.caseNumber === viewer.caseNumber);
    viewer.outlines = truth.lesions.filter((lesion) => lesion.image === within).map((lesion) => ({ ...lesion, words: task === "pick" ? "" : lesion.words })); viewer.twin = truth.twins.includes(viewer.name);
    viewer.box.classList.toggle("generated", task === "pick" && truth.kind !== "real"); viewer.draw();
  }
  const some = viewers.some((each) => each.twin), lesions = one.some((truth) => truth.lesions.length);
  $("blink").hidden = !some; $("no-twin").hidden = some || !lesions;
  $("told").hidden = false; drawCurve(reply.feedback.curve); $("onward").focus();
}

function drawCurve(curve) {
  const canvas = $("curve"), pen = canvas.getContext("2d"), { width, height } = canvas;
  pen.clearRect(0, 0, width, height); pen.strokeStyle = "#2a313a"; pen.fillStyle = "#8e9aa8"; pen.font = "11px sans-serif";
  for (const share of [0, 0.5, 1]) { const y = height - 8 - share * (height - 18); pen.beginPath(); pen.moveTo(36, y); pen.lineTo(width, y); pen.stroke(); pen.fillText(`${share * 100}%`, 0, y + 4); }
  pen.strokeStyle = pen.fillStyle = "#4aa3df"; pen.lineWidth = 2; pen.beginPath();
  curve.forEach((share, number) => {
    const x = 38 + (number + 0.5) * (width - 44) / curve.length, y = height - 8 - share * (height - 18);
    pen[number ? "lineTo" : "moveTo"](x, y); pen.fillRect(x - 2, y - 2, 4, 4);
  });
  pen.stroke();
}

async function blink() {
  if (!told || $("blink").hidden) return;
  if (blinkTimer) { stopBlinking(); return; }
  for (const viewer of viewers) if (viewer.twin && !viewer.without) { viewer.without = await pixels(viewer.name, true); viewer.with = viewer.image; }
  const turn = () => { blinking = !blinking; viewers.forEach((one) => { if (one.without) one.show(blinking ? one.without : one.with); }); };
  turn(); blinkTimer = setInterval(turn, 600);
}

function stopBlinking() {
  clearInterval(blinkTimer); blinkTimer = null;
  if (blinking) viewers.forEach((one) => { if (one.without) one.show(one.with); });
  blinking = false;
}

async function onward() { if (told) await show(told.next); }

// ---- time without pauses; what has passed is kept where the browser is closed in the middle

function clockName() { return `${about.title}/${about.teach}/${reader.reader}/${task}/${asked.number}`; }
function kept() { return Number(localStorage.getItem(clockName())) || 0; }
function startClock() { if (since === null && !paused && !document.hidden && !told && asked && !asked.done) since = performance.now(); }
function stopClock() { if (since !== null) { elapsed += (performance.now() - since) / 1000; since = null; } }
function keepTime() { if (asked && !asked.done && !told && reader && task && !$("work").hidden && !busy) localStorage.setItem(clockName(), String(now())); }
function now() { return elapsed + (since === null ? 0 : (performance.now() - since) / 1000); }
setInterval(() => { if (!asked || $("work").hidden) return; $("time").textContent = `${now().toFixed(1)} s`; if (since !== null) keepTime(); }, 200);
document.addEventListener("visibilitychange", () => { if (document.hidden) { stopClock(); keepTime(); } else startClock(); });
window.addEventListener("pagehide", keepTime);

function pause(on) {
  if (told || $("work").hidden) return;
  paused = on; $("paused").hidden = !on; if (on) { stopClock(); keepTime(); $("continue").focus(); } else { $("continue").blur(); startClock(); }
}

// ---- keys, buttons

function current() { return viewers.find((one) => one.box.classList.contains("enlarged")) || viewers.find((one) => task === "pick" && one.caseNumber === choice) || viewers[0]; }

function act(key) {
  const viewer = current(); if (!viewer || !viewer.image) return false;
  const view = viewer.shared, every = task === "pick" ? viewers.map((one) => one.shared) : [view];
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (arrows[key]) viewer.move(-40 * arrows[key][0], -40 * arrows[key][1]);
  else if (key === "+" || key === "=") viewer.enlarge(1.25);
  else if (key === "-") viewer.enlarge(0.8);
  else if (key === "[") viewer.level(-20, 0); else if (key === "]") viewer.level(20, 0);
  else if (key === ",") viewer.level(0, 20); else if (key === ".") viewer.level(0, -20);
  else if (key === "i") { const inverted = !view.inverted; every.forEach((one) => { one.inverted = inverted; }); redraw(viewer); }
  else if (key === "f") { every.forEach((one) => Object.assign(one, { zoom: 1, exact: false, x: 0, y: 0 })); redraw(); }
  else if (key === "o") { Object.assign(view, { zoom: 1, exact: true }); redraw(); }
  else if (key === "r") { every.forEach((one) => Object.assign(one, firstView(about.window), { tool: one.tool })); redraw(); }
  else if (key === "t") { const tool = view.tool === "move" ? "window" : "move"; viewers.forEach((one) => { one.shared.tool = tool; }); $("tool").textContent = tool === "move" ? "Drag: move" : "Drag: window"; }
  else if (key === "p") pause(true);
  else if (key === "?") { stopClock(); $("keys").hidden = false; $("keys-close").focus(); }
  else if (key === "c") $("comment").focus();
  else if (key === "b") blink();
  else return task === "find" && !told && crossKey(key);
  return true;
}

function crossKey(key) {
  if (key === "x") cross = cross ? null : [about.shape[0] / 2, about.shape[1] / 4];
  else if (key === "v") crossView = (crossView + 1) % viewers.length;
  else if (key === "m" && cross) mark(crossView, cross);
  else if (key === "Delete" || key === "Backspace") marks.pop();
  else return false;
  refresh(); return true;
}

function moveCross(key, far) {
  const step = far ? 1 : about.shape[0] / 64, move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
  cross = cross.map((place, axis) => Math.min(about.shape[axis] - 1, Math.max(0, place + step * move[axis]))); refresh();
}

document.addEventListener("keydown", (event) => {
  if (!$("keys").hidden) { if (event.key === "Escape" || event.key === "?") closeKeys(); return; }
  if (paused) { if (event.key === "p" || event.key === "P") pause(false); return; }
  if ($("work").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target === $("comment")) { if (event.key === "Escape" || event.key === "Enter") { event.preventDefault(); $("comment").blur(); } return; }
  const button = event.target.closest && event.target.closest("button");
  if (event.key === "Enter") { if (button && button.id !== "confirm" && button.id !== "onward" && !button.closest("#choices")) return; event.preventDefault(); if (told) onward(); else confirm(); return; }
  if (/^[1-9]$/.test(event.key)) { choose(Number(event.key) - 1); return; }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key.startsWith("Arrow") && cross && !event.shiftKey && task === "find") { event.preventDefault(); moveCross(key, false); return; }
  if (act(key)) event.preventDefault();
});

function closeKeys() { $("keys").hidden = true; startClock(); }
document.querySelectorAll("nav button").forEach((one) => one.addEventListener("click", () => { act(one.dataset.key); if (one.dataset.key !== "?" && one.dataset.key !== "p") one.blur(); }));
$("who").addEventListener("submit", (event) => { event.preventDefault(); begin(false); });
$("name").addEventListener("input", () => { $("taken").hidden = true; $("start-error").textContent = ""; });
$("resume").addEventListener("click", () => begin(true));
$("confirm").addEventListener("click", confirm); $("onward").addEventListener("click", onward); $("blink").addEventListener("click", blink);
$("continue").addEventListener("click", () => pause(false)); $("keys-close").addEventListener("click", closeKeys);
$("leave").addEventListener("click", () => { paused = false; chooseTask(); }); $("again").addEventListener("click", chooseTask);
start().catch((error) => { $("start").hidden = false; $("start-error").textContent = error.message; });
