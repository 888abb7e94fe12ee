"use strict";
// Draws what fleet/state.json says, once a second. Text from outside is only ever set as text.

const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== "") found.setAttribute(name, value);
  found.append(...children.map(child => child instanceof Node ? child : String(child)));
  return found;
}

function draw(tag, attributes, ...children) {
  const found = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  found.append(...children);
  return found;
}

// --- numbers for people -----------------------------------------------------------------------------------------

const known = value => value !== null && value !== undefined;
const grouped = text => text.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

function count(value) {
  return known(value) ? grouped(String(value)) : "–";
}

function rate(value) {
  return known(value) ? (value < 100 ? value.toFixed(1) : grouped(String(Math.round(value)))) + "/s" : "";
}

function three(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function time(seconds) {
  if (!known(seconds)) return "–";
  if (seconds < 0.0009995) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${three(seconds * 1e3)} ms`;
  return `${three(seconds)} s`;
}

function long(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const two = value => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return (hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}` : `${Math.floor(whole / 60)}`) + `:${two(whole % 60)}`;
}

function size(bytes) {
  if (!known(bytes)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes, unit = 0;
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit ? three(value) : value} ${units[unit]}`;
}

const percent = share => known(share) ? `${Math.round(share * 100)} %` : "–";

// --- pieces -----------------------------------------------------------------------------------------------------

function meter(share, high) {
  const inner = make("i");
  inner.style.width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return make("div", {class: high ? "meter high" : "meter"}, inner);
}

function spark(values) {
  const picture = draw("svg", {viewBox: "0 0 100 36", preserveAspectRatio: "none", "aria-hidden": "true"});
  if (!values || values.length < 2) return picture;
  const most = Math.max(...values, 1e-9);
  const points = values.map((value, n) => `${(n / (values.length - 1) * 100).toFixed(2)},${(34 - value / most * 31).toFixed(2)}`);
  picture.append(
    draw("polygon", {class: "spark-area", points: `0,35 ${points.join(" ")} 100,35`}),
    draw("polyline", {class: "spark-line", points: points.join(" ")}),
  );
  return picture;
}

const DECADES = [1e-4, 10];
const onStrip = seconds => 4 + 160 * Math.min(1, Math.max(0,
  Math.log(seconds / DECADES[0]) / Math.log(DECADES[1] / DECADES[0])));

// From p50 (dot) over p99.99 to the maximum (stroke), each decade from 0.1 ms to 10 s a fifth of the width.
function strip(row) {
  const picture = draw("svg", {class: "strip", viewBox: "0 0 168 16", "aria-hidden": "true"});
  for (let decade = DECADES[0]; decade <= DECADES[1] * 1.01; decade *= 10) {
    const x = onStrip(decade);
    picture.append(draw("line", {class: "axis", x1: x, x2: x, y1: 1, y2: 15}));
  }
  if (!known(row.p50)) return picture;
  const [mid, far, most] = [onStrip(row.p50), onStrip(row.p9999), onStrip(row.max)];
  picture.append(
    draw("line", {class: "body", x1: mid, x2: Math.max(far, mid + .01), y1: 8, y2: 8}),
    draw("circle", {class: "mid", cx: mid, cy: 8, r: 4}),
    draw("line", {class: "far", x1: most, x2: most, y1: 3, y2: 13}),
  );
  return picture;
}

// Columns: [title, row => text or node, classes of the cell (row => …), classes of the head].
function table(columns, rows, none) {
  if (!rows.length) return make("p", {class: "none"}, none);
  const head = make("tr", {}, ...columns.map(([title, , , shape]) => make("th", {class: shape || "", scope: "col"}, title)));
  const body = rows.map(row => make("tr", {class: row.all ? "all" : ""}, ...columns.map(([, cell, shape]) =>
    make("td", {class: shape ? shape(row) : ""}, cell(row)))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}

const number = (title, key, mustBeZero) => [title, row => count(row[key]),
  row => row[key] === 0 ? "zero" : mustBeZero && row[key] > 0 ? "bad" : ""];
const span = (title, key) => [title, row => time(row[key])];

// --- sections ---------------------------------------------------------------------------------------------------

const SAYS = {
  waiting: "No upload has been sent yet.",
  pass: "Every rule and every expectation held.",
  fail: "",
  inconclusive: "Nobody can say whether every event came.",
  broken: "The test could not be carried out.",
  invalid: "The generator was the limit: these figures say nothing about the platform.",
};

function verdict({word, final, findings, bare}) {
  $("verdict").dataset.word = word;
  $("word").textContent = word + (final || word === "waiting" ? "" : word === "pass" ? " so far" : " as it stands");
  const events = word === "pass" && bare ? " No events are read: answers are all there is." : "";
  $("says").textContent = (word === "pass" && !final ? "Every rule and every expectation holds at the moment." : SAYS[word] ?? "") + events;
  $("findings").replaceChildren(...findings.map(line => make("li", {}, line)));
}

function tile(title, value, under, picture, shape = "", hint = "") {
  return make("div", {class: `tile ${shape}`.trim(), title: hint}, make("h3", {}, title), make("div", {class: "big"}, value),
    make("div", {class: "sub"}, under), picture || "");
}

// Those that are not 0, in words.
const told = (uploads, keys, none) => keys.filter(key => uploads[key]).map(key => `${count(uploads[key])} ${key}`).join(", ") || none;

function tiles({fleet, uploads, rates}) {
  const unseen = "no events are read";
  const flow = (title, key) => {
    const values = known(uploads[key]) ? rates[key] : [];
    const most = values.length ? `at most ${rate(Math.max(...values))}` : "";
    return tile(title, count(uploads[key]), known(uploads[key]) ? rate(values.at(-1)) : unseen, spark(values), "", most);
  };
  const failed = uploads.refused + uploads.unanswered;
  const wrong = told(uploads, ["duplicated", "disordered", "resized"], "");
  const watched = known(uploads.open);
  $("tiles").replaceChildren(
    tile("Devices in", count(fleet.joined), `of ${count(fleet.planned)}`, meter(fleet.planned ? fleet.joined / fleet.planned : 0)),
    flow("Sent", "sent"), flow("Answered", "answered"),
    tile("Failed", count(failed), told(uploads, ["refused", "unanswered"], "none"), spark(rates.failed), failed ? "bad" : ""),
    flow("Delivered", "delivered"),
    tile("Open", count(uploads.open), watched ? "no event yet" : unseen, spark(watched ? rates.open : []), "",
      watched && rates.open.length ? `at most ${count(Math.max(...rates.open))}` : ""),
    tile("Lost", count(uploads.lost), wrong || (watched ? "none twice, none out of order" : unseen), null,
      uploads.lost || wrong ? "bad" : ""),
  );
}

const HOLDS = {true: ["yes", "✓ holds"], false: ["no", "✕ does not"], null: ["", "no data yet"]};

function expectations(rows) {
  $("expectations").hidden = !rows.length;
  $("expectations").lastElementChild.replaceChildren(table([
    ["Expected", row => row.text, () => "wrap"],
    ["Found", row => row.found || "–", () => "left wrap", "left"],
    ["", row => make("span", {class: `holds ${HOLDS[row.holds][0]}`}, HOLDS[row.holds][1])],
  ], rows, ""));
}

function latencies(rows) {
  const scale = make("span", {class: "strip-head"}, make("span", {}, "0.1 ms"), make("span", {}, "log"), make("span", {}, "10 s"));
  $("latencies").lastElementChild.replaceChildren(table([
    ["", row => row.label],
    number("Count", "requests"), number("Failed", "failed", true),
    span("p50", "p50"), span("p95", "p95"), span("p99", "p99"), span("p99.9", "p999"), span("p99.99", "p9999"), span("max", "max"),
    [scale, strip],
  ], rows, "Nothing has been measured yet."));
}

function groups(rows) {
  $("groups").lastElementChild.replaceChildren(table([
    ["", row => row.name], ["Devices in", row => `${count(row.joined)} of ${count(row.planned)}`],
    number("Sent", "sent"), number("Answered", "answered"), number("Refused", "refused", true),
    number("Unanswered", "unanswered", true), number("Delivered", "delivered"), number("Open", "open"),
    number("Lost", "lost", true), number("Missing", "missing"), number("Duplicated", "duplicated", true),
    number("Disordered", "disordered", true), number("Resized", "resized", true), number("Failed acts", "failed", true),
  ], rows, "No group has begun yet."));
}

// Locust's name of a worker is its host and 32 digits.
const short = name => name.replace(/(_[0-9a-f]{6})[0-9a-f]{26}$/, "$1…");

function generator({generator: all, workers}) {
  const fact = (title, text, bad) => make("div", {}, make("dt", {}, title), make("dd", {class: bad ? "bad" : ""}, text));
  const late = all.schedule;
  $("generator").querySelector("dl").replaceChildren(
    fact("Workers", count(workers.length)),
    fact("Busiest core", percent(all.cpu), all.cpu >= .9),
    fact("Schedule error p99", time(late && late.p99), late && late.p99 > .1), fact("max", time(late && late.max)),
    fact("Own drops", count(all.drops), all.drops), fact("Send errors", count(all.send_errors), all.send_errors),
    fact("Throttled", count(all.throttled), all.throttled), fact("Memory", size(all.rss)),
  );
  $("generator").lastElementChild.replaceChildren(table([
    ["", row => row.index], ["Worker", row => make("span", {title: row.name}, short(row.name)), () => "left", "left"], ["State", row => row.state, row => row.state === "died" ? "left bad" : "left", "left"],
    ["Devices in", row => `${count(row.joined)} of ${count(row.planned)}`],
    ["CPU", row => make("span", {class: "cpu"}, meter(row.cpu, row.cpu >= .9), make("span", {}, percent(row.cpu)))],
    ["Above 90 %", row => `${count(Math.round(row.busy || 0))} of ${count(Math.round(row.seconds || 0))} s`],
    number("Drops", "drops", true), number("Send errors", "send_errors", true), number("Throttled", "throttled", true),
    ["Memory", row => size(row.rss)],
  ], workers, "No worker has reported yet."));
}

function pair(left, right) {
  return make("div", {class: "pair"}, make("span", {}, left), make("span", {}, right));
}

function lines({failures, troubles, gaps, notes}) {
  const lists = [
    ["Troubles of the platform", troubles.map(({text, times}) => pair(text, `${count(times)} ×`))],
    ["Failures", failures.map(({text, times}) => pair(text, `${count(times)} ×`))],
    ["When a stream was blind", gaps.map(line => pair(line, ""))],
    ["To know", notes.map(line => pair(line, ""))],
  ].filter(([, rows]) => rows.length);
  $("lines").hidden = !lists.length;
  $("lines").replaceChildren(...lists.map(([title, rows]) => make("div", {}, make("h2", {}, title), ...rows)));
}

function counters(list) {
  $("counters").hidden = !list.length;
  $("counters").lastElementChild.replaceChildren(...list.map(({group, values}) => make("div", {}, make("h3", {}, group || "others"),
    ...Object.entries(values).map(([name, value]) => pair(name, group === "bytes" ? size(value) : count(value))))));
}

// --- once a second ----------------------------------------------------------------------------------------------

// A section is drawn anew only when its figures changed, so that what somebody has marked or scrolled stays.
const drawn = new Map();
function section(drawing, part) {
  const text = JSON.stringify(part);
  if (drawn.get(drawing) === text) return;
  drawn.set(drawing, text);
  drawing(part);
}

function show(state) {
  $("test").textContent = state.test;
  $("target").textContent = `against ${state.target}, seed ${state.seed}`;
  $("phase").textContent = state.phase;
  $("elapsed").textContent = long(state.elapsed);
  section(verdict, {...state.verdict, bare: state.bare});
  section(tiles, {fleet: state.fleet, uploads: state.uploads, rates: state.rates});
  section(expectations, state.verdict.expectations);
  section(latencies, state.latencies);
  section(groups, state.groups);
  section(generator, {generator: state.generator, workers: state.workers});
  section(lines, {failures: state.failures, troubles: state.troubles, gaps: state.gaps, notes: state.notes});
  section(counters, state.counters);
  document.title = `${$("word").textContent} – ${state.test}`;
}

function theme() {
  // Locust's page keeps the choice of its light switch here; without one the system's counts.
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* no storage, no choice */ }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

let seen = null;
async function look() {
  theme();
  let trouble = "";
  try {
    const answer = await fetch("fleet/state.json", {cache: "no-store", signal: AbortSignal.timeout(5000)});
    if (answer.redirected) trouble = "Log in again: reload this page.";
    else if (!answer.ok) trouble = (await answer.json().catch(() => ({}))).trouble || `Locust says ${answer.status}.`;
    else {
      show(await answer.json());
      seen = Date.now();
    }
  } catch {
    trouble = "Locust does not answer.";
  }
  const age = seen ? ` These figures are ${long((Date.now() - seen) / 1000)} old.` : "";
  $("stale").hidden = !trouble;
  $("stale").textContent = trouble + age;
  setTimeout(look, 1000);
}
look();
