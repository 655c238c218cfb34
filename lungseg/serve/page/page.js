"use strict";
// Gives films to the server one after the other, and keeps what it answers in this page alone. Texts become text nodes.

const ENDING = /\.(png|jpg|jpeg|jpe|jfif|tif|tiff|gif|dcm|dicom|dic|ima|img)$/i; // of a film's file: 1.2.840 has none
const $ = (id) => document.getElementById(id);
const films = []; // the newest first: {card, row, urls}
const waiting = [];
let about = null;
let busy = false;

const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function say(text) {
  $("said").textContent = text;
}

async function start() {
  try {
    about = await (await fetch("about")).json();
  } catch {
    say("The server does not answer. Start `lungseg serve` again, and load this page.");
    return;
  }
  const limits = about.limits ? "" : " No limits were fitted for it: a film is refused by its file alone.";
  $("about").textContent = `lungseg ${about.lungseg}, model ${about.model} (${about.version}).${limits}`;
  $("licence").textContent = `Licence of the network: ${about.licence}.`;
  $("stays").textContent += ` At most ${about.most_films} are kept here, the newest.`;
  document.documentElement.dataset.ready = "";
}

/** A name that no film of this page has yet, also without its ending. */
function distinct(name) {
  const [suffix] = ENDING.exec(name) ?? [""];
  const stem = name.slice(0, name.length - suffix.length);
  const taken = new Set([...films, ...waiting].map((one) => one.stem));
  let free = stem;
  for (let count = 2; taken.has(free.toLowerCase()); count++) free = `${stem} (${count})`;
  return { name: free + suffix, stem: free.toLowerCase() };
}

function take(files) {
  for (const file of files) {
    const card = $("film").content.firstElementChild.cloneNode(true);
    const film = { file, card, urls: [], row: null, ...distinct(file.name) };
    card.querySelector("h2").textContent = film.name;
    tell(film, "waiting", "waiting");
    $("films").prepend(card);
    waiting.push(film);
  }
  if (!busy) work();
}

async function work() {
  busy = true;
  $("films").setAttribute("aria-busy", "true");
  while (waiting.length) {
    const film = waiting.shift();
    films.unshift(film);
    tell(film, "looking", "being looked at …");
    say(`${film.name} is being looked at; ${waiting.length} more wait.`);
    if (!about) await start();
    await look(film);
    film.file = null;
    while (about && films.length > about.most_films) drop(films.pop());
    tools();
  }
  busy = false;
  $("films").removeAttribute("aria-busy");
}

async function look(film) {
  const error = await ask(film);
  if (film.dropped) return;
  if (error) {
    tell(film, "failed", `not looked at: ${error}`);
    say(`${film.name}: ${error}`);
    return;
  }
  show(film);
  say(`${film.name}: ${film.row.status}.`);
}

/** Sends a film; what went wrong in words, or nothing. */
async function ask(film) {
  if (!about) return "The server does not answer.";
  if (film.file.size > about.most_bytes) {
    return `The file is larger than ${about.most_bytes} bytes. Look whether it is the film that you mean.`;
  }
  try {
    const type = { "Content-Type": "application/octet-stream" };
    const address = `films?name=${encodeURIComponent(film.name)}`;
    const answer = await fetch(address, { method: "POST", body: film.file, headers: type });
    const json = answer.headers.get("content-type") === "application/json";
    if (!answer.ok) return json ? (await answer.json()).error : `The server answered ${answer.status}. Try it again.`;
    film.row = await answer.json();
    return "";
  } catch {
    return "The server does not answer, or the file cannot be read. Is `lungseg serve` still running?";
  }
}

function tell(film, kind, text) {
  film.card.className = `film ${kind}`;
  film.card.querySelector(".status").textContent = text;
}

function show(film) {
  const { card, row } = film;
  tell(film, row.status, row.status);
  list(card.querySelector(".why"), row.why.map((why, i) => `${why} – ${row.sure[i]}`));
  list(card.querySelector(".warnings"), row.warnings);
  facts(card.querySelector("dl"), row);
  for (const kind of ["film", "overlay", "labels"]) film[kind] = keep(film, row[kind]);
  if (film.film) {
    card.classList.add("pictured");
    card.querySelector("figure").hidden = false;
    picture(film);
  }
  if (film.labels) {
    const link = card.querySelector(".save a");
    link.href = film.labels;
    link.download = row.mask;
    link.setAttribute("aria-label", `Save mask ${row.mask}`);
    card.querySelector(".save").hidden = false;
  }
  for (const kind of ["film", "overlay", "labels"]) delete row[kind];
}

function list(element, texts) {
  element.hidden = !texts.length;
  element.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function facts(element, row) {
  const pairs = [];
  if (row.area_px !== null) {
    const mm2 = row.area_mm2 === null ? "" : ` = ${number(row.area_mm2, 1)} mm²`;
    pairs.push(["Area of both lungs", `${number(row.area_px)} px${mm2}`]);
    pairs.push(["Right, left", `${number(row.right_px)} px, ${number(row.left_px)} px`]);
    pairs.push(["Share of the picture", number(row.share, 4)]);
    pairs.push(["Parts", number(row.parts)]);
  }
  if (row.probability !== null) pairs.push(["Mean probability", number(row.probability, 4)]);
  if (row.disagreement !== null) pairs.push(["Disagreement of networks", number(row.disagreement, 4)]);
  if (row.height !== null) pairs.push(["Film", `${row.kind}, ${row.height} × ${row.width} px ${row.view}`.trim()]);
  if (row.spacing_rows_mm !== null) {
    const sides = `${row.spacing_rows_mm} × ${row.spacing_columns_mm} mm`;
    pairs.push(["Pixel", `${sides}, ${row.spacing_source}`]);
  } else if (row.height !== null) {
    pairs.push(["Pixel", "size not known: no mm²"]);
  }
  pairs.push(["Seconds", number(row.seconds, 2)]);
  element.hidden = false;
  element.replaceChildren(
    ...pairs.flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
}

/** An address of a PNG file in this page's memory; nothing where there is none. */
function keep(film, base64) {
  if (!base64) return "";
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  film.urls.push(URL.createObjectURL(new Blob([bytes], { type: "image/png" })));
  return film.urls.at(-1);
}

function picture(film) {
  const outlined = $("outlines").checked && film.overlay;
  const image = film.card.querySelector("img");
  image.src = outlined ? film.overlay : film.film;
  image.alt = `${film.name}${outlined ? ", outlines of the lungs" : ""}`;
}

function tools() {
  const rows = films.filter((film) => film.row).map((film) => film.row.csv);
  if ($("table").href) URL.revokeObjectURL($("table").href);
  if (rows.length) $("table").href = URL.createObjectURL(new Blob([about.csv_header, ...rows.reverse()], { type: "text/csv" }));
  $("table").hidden = !rows.length;
  $("tools").hidden = !films.length;
}

function drop(film) {
  film.dropped = true;
  film.urls.forEach((url) => URL.revokeObjectURL(url));
  film.card.remove();
}

$("choose").addEventListener("change", () => {
  take($("choose").files);
  $("choose").value = "";
});
$("outlines").addEventListener("change", () => films.filter((film) => film.film).forEach(picture));
$("forget").addEventListener("click", () => {
  [...films.splice(0), ...waiting.splice(0)].forEach(drop);
  tools();
  say("All films are forgotten.");
  $("choose").focus();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault(); // a film that misses the field must not replace the page
    $("give").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
start();
