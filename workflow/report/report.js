"use strict";
// Theme, filters, films, and the way from a number to its seeds, a seed to its films, a film to its scores.
const $ = (selector, inside = document) => inside.querySelector(selector);
const $$ = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const { names, sets, limited, every, pooled, command, shown, folder } = JSON.parse($("#names").textContent);
const SVG = "http://www.w3.org/2000/svg";
const STEP = matchMedia("(max-width: 760px)").matches ? 8 : 24;
const LOWER = new Set(["loss", "hd95_px", "hd95_mm", "assd_px"]);
const TITLES = {
  dice: "Dice", iou: "IoU", recall: "Recall", precision: "Precision", accuracy: "Accuracy", loss: "Loss",
  nsd: "NSD", hd95_px: "HD95, px", hd95_mm: "HD95, mm", assd_px: "ASSD, px",
};
// Overlap from counts of pixels; an empty denominator gives 0, as in lungseg/metrics.py.
const over = (a, b) => b > 0 ? a / b : 0;
const RATIOS = {
  dice: (t, p, n) => over(2 * t, 2 * t + p + n), iou: (t, p, n) => over(t, t + p + n),
  recall: (t, p, n) => over(t, t + n), precision: (t, p) => over(t, t + p),
  accuracy: (t, p, n, o) => over(t + o, t + p + n + o),
};

/** An element with attributes, handlers (`onclick`) and children; text is never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = ["svg", "path"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element[key] = value; else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// --- theme and sections ---
const root = document.documentElement;
const recall = () => { try { return localStorage.getItem("lungseg-theme"); } catch { return null; } };
root.dataset.theme = recall() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
$("#theme").onclick = () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("lungseg-theme", root.dataset.theme); } catch { /* a page from disk may not keep it */ }
};
// What is folded is printed open.
addEventListener("beforeprint", () => { for (const one of $$("details:not([open])")) { one.open = true; one.dataset.folded = ""; } });
addEventListener("afterprint", () => { for (const one of $$("details[data-folded]")) { one.open = false; delete one.dataset.folded; } });

// --- claims ---
const verdicts = $$("#verdicts button"), takes = $("#verdicts select"), claims = $$(".claim"), cells = $(".cells");
function filterClaims() {
  const verdict = verdicts.find((button) => button.getAttribute("aria-pressed") === "true").dataset.verdict;
  for (const claim of claims) {
    claim.hidden = (verdict && claim.dataset.verdict !== verdict) || (takes.value && claim.dataset.takes !== takes.value);
  }
  if (cells) {
    cells.hidden = !$(".claim:not([hidden])", cells);
    cells.open = Boolean(verdict || takes.value);
  }
  $("#claims-count").textContent = `${claims.filter((claim) => !claim.hidden).length} of ${claims.length} claims.`;
}
const press = (pressed) => { for (const button of verdicts) button.setAttribute("aria-pressed", button === pressed); };
for (const button of verdicts) button.onclick = () => { press(button); filterClaims(); };
takes.onchange = filterClaims;

/** Open what an address names, where it is folded or filtered out. */
function reveal(address) {
  const part = document.getElementById(address ?? "");
  if (!part?.matches(".claim")) return;
  if (part.hidden) { press(verdicts[0]); takes.value = ""; filterClaims(); }
  for (let folded = part; folded; folded = folded.parentElement.closest("details")) folded.open = true;
  part.scrollIntoView();
}

// --- numbers ---
const name = (variant) => names[variant] ?? variant;
const trainedOn = (train) => limited[train] ?? sets[train] ?? train, testedOn = (test) => test === "pooled" ? every : sets[test] ?? test;
const title = (metric) => metric.endsWith("_pooled") ? `${TITLES[metric.slice(0, -7)]}, pooled pixels` : TITLES[metric] ?? metric;
const digits = (value, metric) => value == null ? "–" : value.toFixed(metric.includes("_px") || metric.includes("_mm") ? 2 : 4);
const mean = (values) => {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
};
const id = (run) => `${run.variant}/${run.train_on}/seed${run.seed}`;

unpack().then(begin).catch((error) => { $("#count").textContent = `The films behind the numbers cannot be shown: ${error.message}. A browser of 2023 or later can.`; });

async function unpack() {
  const bytes = (await fetch(`data:application/gzip;base64,${$("#packed").textContent.trim()}`)).body;
  return new Response(bytes.pipeThrough(new DecompressionStream("gzip"))).json();
}

function begin({ films, runs, scores, pixels }) {
  for (const run of runs) {
    const [t, p, n] = [run.true_positive, run.false_positive, run.false_negative];
    run.true_negative = t.map((value, i) => value === null ? null : pixels - value - p[i] - n[i]);
    for (const [metric, ratio] of Object.entries(RATIOS)) {
      run[metric] = t.map((value, i) => value === null ? null : ratio(value, p[i], n[i], run.true_negative[i]));
    }
  }
  scores = [...Object.keys(RATIOS), ...scores];
  const dialog = $("#trail"), body = $("#trail-body");
  const tested = (test) => films.map((film, i) => i).filter((i) => test === "pooled" ? pooled.includes(films[i].dataset) : films[i].dataset === test);
  const trained = (variant, train) => runs.filter((run) => run.variant === variant && run.train_on === train);

  /** The mean of a seed's films, or its ratio over all their pixels. */
  function ofSeed(run, indices, metric) {
    if (!metric.endsWith("_pooled")) return mean(indices.map((i) => run[metric][i]));
    const sum = (column) => indices.reduce((total, i) => total + (run[column][i] ?? 0), 0);
    return RATIOS[metric.slice(0, -7)](sum("true_positive"), sum("false_positive"), sum("false_negative"), sum("true_negative"));
  }

  // --- addresses: what is open stands behind the page's #, so that it can be sent, and Back leaves it ---
  const address = (...parts) => `#${parts.map(encodeURIComponent).join("/")}`;
  const ofCell = ({ variant, train, test, metric }) => address("cell", variant, train, test, metric);
  const ofRun = ({ variant, train_on, seed }, { test, metric }) => address("seed", variant, train_on, seed, test, metric);
  const ofFilm = (i, { variant, train_on, seed }, { test, metric }) => address("film", films[i].dataset, films[i].image_id, variant, train_on, seed, test, metric);
  const ofPair = ({ a, b, train, test, metric }) => address("difference", b, a, train, test, metric);
  const findRun = (variant, train, seed) => runs.find((run) => run.variant === variant && run.train_on === train && String(run.seed) === seed);
  const isKnown = ({ variant, train, test, metric }) => trained(variant, train).length > 0 && tested(test).length > 0 && (scores.includes(metric.replace("_pooled", "")));
  const PLACES = {
    cell: ([variant, train, test, metric]) => isKnown({ variant, train, test, metric }) && (() => openCell({ variant, train, test, metric })),
    seed([variant, train, seed, test, metric]) {
      const run = findRun(variant, train, seed);
      return run && isKnown({ variant, train, test, metric }) && (() => openSeed({ variant, train, test, metric }, run));
    },
    film([dataset, image, variant, train, seed, test, metric]) {
      const run = findRun(variant, train, seed), i = films.findIndex((film) => film.dataset === dataset && film.image_id === image);
      return run && i >= 0 && isKnown({ variant, train, test, metric }) && (() => openFilm(i, run, { variant, train, test, metric }));
    },
    difference: ([b, a, train, test, metric]) => [a, b].every((variant) => isKnown({ variant, train, test, metric })) && (() => openPair({ a, b, train, test, metric })),
  };
  const here = () => {
    try { return location.hash.slice(1).split("/").map(decodeURIComponent); } catch { return [""]; }
  };
  const leave = () => history.replaceState(null, "", location.href.split("#")[0]);
  let closing = false;

  function route() {
    const [kind, ...parts] = here();
    if (!Object.hasOwn(PLACES, kind)) {
      if (dialog.open) dialog.close();
      return reveal(kind);
    }
    if (parts.every(Boolean) && PLACES[kind](parts)) return PLACES[kind](parts)();
    return show("Not in this report", [["number"]], make("p", {}, "The address names a number that this page does not hold: ", make("code", {}, location.hash), "."));
  }

  /** Open what stands at an address, one step further from the page itself. */
  function go(hash) {
    history.pushState({ steps: (history.state?.steps ?? 0) + 1 }, "", hash);
    route();
  }
  addEventListener("popstate", () => {
    if (!closing) return route();
    closing = false;
    return Object.hasOwn(PLACES, here()[0]) ? leave() : undefined;
  });
  dialog.onclose = () => {
    if (!Object.hasOwn(PLACES, here()[0])) return;
    if (!history.state?.steps) return leave();
    closing = true;
    history.go(-history.state.steps);
  };

  // --- the trail ---
  function show(heading, crumbs, ...content) {
    body.replaceChildren(
      make("div", { class: "crumbs" }, ...crumbs.map(([words, go]) => go ? make("button", { type: "button", onclick: go }, words) : make("span", {}, words))),
      make("h2", { id: "trail-title", tabindex: "-1" }, heading), ...content,
      make("p", { class: "note" }, "Address of this: ", make("a", { class: "hash", href: location.href }, location.hash)),
    );
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    $("#trail-title").focus();
  }

  function table(heads, rows) {
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.join(", ") }, make("table", {},
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))),
    ));
  }

  const again = (target) => make("p", { class: "note" }, "Makes it again: ", make("code", { class: "hash" }, `${command} -- ${target}`));

  function openCell(cell) {
    const indices = tested(cell.test), own = trained(cell.variant, cell.train);
    const values = own.map((run) => ofSeed(run, indices, cell.metric));
    const rows = own.map((run, i) => [
      make("button", { type: "button", class: "seed", onclick: () => go(ofRun(run, cell)) }, `seed ${run.seed}`),
      make("span", { class: "value" }, digits(values[i], cell.metric)), String(indices.length), make("code", {}, id(run)),
    ]);
    show(`${title(cell.metric)} of ${name(cell.variant)}`, [["number"]],
      make("p", {}, `Trained on ${trainedOn(cell.train)}, tested on ${testedOn(cell.test)}. The mean over ${own.length} seeds is `,
        make("strong", { class: "value total" }, digits(mean(values), cell.metric)), "."),
      table(["seed", title(cell.metric), "films", "run"], rows),
      again(`${folder}/estimates.csv`));
  }

  function openSeed(cell, run) {
    const metric = cell.metric.replace("_pooled", "");
    const order = tested(cell.test).sort((a, b) => (run[metric][a] ?? Infinity) - (run[metric][b] ?? Infinity));
    if (LOWER.has(metric)) order.reverse();
    const beside = metric === "dice" ? "iou" : "dice";
    const rows = order.map((i) => [
      make("button", { type: "button", class: "open-film", onclick: () => go(ofFilm(i, run, cell)) }, films[i].image_id),
      testedOn(films[i].dataset), make("span", { class: "value" }, digits(run[metric][i], metric)), digits(run[beside][i], beside), digits(run.hd95_px[i], "hd95_px"),
    ]);
    show(`${name(run.variant)}, seed ${run.seed}`, [[title(cell.metric), () => go(ofCell(cell))], ["seed"]],
      make("p", {}, `Trained on ${trainedOn(run.train_on)}; run `, make("code", {}, id(run)), `. ${order.length} films of ${testedOn(cell.test)}, worst first.`),
      again(`${folder}/runs/${id(run)}/weights.safetensors`),
      table(["film", "data set", title(metric), title(beside), "HD95, px"], rows));
  }

  function openFilm(i, run, cell) {
    const film = films[i];
    const others = runs.filter((other) => other.dice[i] !== null && other.dice[i] !== undefined).map((other) => [
      make("button", { type: "button", onclick: () => go(ofFilm(i, other, cell)), "aria-pressed": String(other === run) }, `${name(other.variant)}, ${trainedOn(other.train_on)}, seed ${other.seed}`),
      ...["dice", "iou", "recall", "precision", "hd95_px"].map((metric) => make("span", { class: other === run ? "value current" : "value", "data-metric": metric }, digits(other[metric][i], metric))),
    ]);
    const back = [[title(cell.metric), () => go(ofCell({ ...cell, variant: run.variant, train: run.train_on }))], [`seed ${run.seed}`, () => go(ofRun(run, cell))]];
    const facts = [["Data set", testedOn(film.dataset)], ["Label", film.abnormal ? "abnormal" : "normal"],
      ["Size", `${film.width} × ${film.height} px`], ["Pixel size", film.spacing_mm ? `${film.spacing_mm} mm` : "not published"],
      ["sha256 of the file", film.sha256], ["Run", id(run)]];
    const spread = film.window ? make("p", { class: "note" }, `Nearly white in the archive as read: greys ${film.window[0]} to ${film.window[1]} of 255 are shown here from black to white. The networks saw it as read.`) : null;
    show(film.image_id, [...back, ["film"]], make("div", { class: "two" },
      make("div", { class: "large" }, picture(i, run, true), spread, run.outlines ? null : make("p", { class: "note" }, "This run's outlines are not in the page.")),
      make("dl", {}, ...facts.flatMap(([key, value]) => [make("dt", {}, key), make("dd", { class: "hash" }, value)]),
        ...scores.flatMap((metric) => [make("dt", {}, TITLES[metric]), make("dd", { class: "value", "data-metric": metric }, digits(run[metric][i], metric))]))),
      again(`${folder}/scores/${run.train_on}.parquet`),
      make("details", {}, make("summary", {}, `All ${others.length} runs on this film`), table(["run", "Dice", "IoU", "Recall", "Precision", "HD95, px"], others)));
  }

  function openPair({ a, b, train, test, metric }) {
    const indices = tested(test);
    const per = (variant) => { const own = trained(variant, train); return indices.map((i) => mean(own.map((run) => run[metric][i]))); };
    const [one, two] = [per(a), per(b)];
    const order = indices.map((film, i) => ({ film, gap: two[i] - one[i], one: one[i], two: two[i] })).sort((x, y) => x.gap - y.gap);
    const run = trained(b, train)[0], cells = [a, b].map((variant) => ({ variant, train, test, metric }));
    show(`${name(b)} less ${name(a)}`, [["difference"]],
      make("p", {}, `On the same ${indices.length} films the mean difference in ${title(metric)} is `, make("strong", { class: "value total" }, digits(mean(order.map(({ gap }) => gap)), metric)), "; "
        + `better on ${order.filter(({ gap }) => gap > 0).length}, worse on ${order.filter(({ gap }) => gap < 0).length}. `),
      make("p", {}, ...cells.map((cell) => make("button", { type: "button", onclick: () => go(ofCell(cell)) }, `Seeds of ${name(cell.variant)}`))),
      table(["film", "difference", name(a), name(b)], order.map((row) => [
        make("button", { type: "button", onclick: () => go(ofFilm(row.film, run, cells[1])) }, films[row.film].image_id),
        make("span", { class: "value" }, digits(row.gap, metric)), digits(row.one, metric), digits(row.two, metric)])));
  }

  for (const button of $$("button.cell")) button.onclick = () => go(ofCell(button.dataset));
  for (const button of $$("button.pairs")) button.onclick = () => go(ofPair(button.dataset));
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };

  function picture(i, run, large) {
    const film = films[i];
    const drawing = make("svg", { viewBox: "0 0 1024 1024", "aria-hidden": "true" }, make("path", { class: "truth", d: film.truth }));
    if (run?.outlines) drawing.append(make("path", { class: "found", d: run.outlines[i] }));
    return make("span", { class: "picture" },
      make("img", { src: `data:image/jpeg;base64,${film.picture}`, alt: large ? `Film ${film.image_id}, with the outlines of its lungs` : "", loading: "lazy" }), drawing);
  }

  // --- the films ---
  const filters = Object.fromEntries($$("#filters select").map((select) => [select.name, select]));
  const options = (select, values, label = (value) => value) => select.append(...[...new Set(values)].map((value) => make("option", { value }, label(value))));
  options(filters.train, runs.map((run) => run.train_on), trainedOn);
  options(filters.variant, runs.map((run) => run.variant), name);
  const first = runs.find((run) => run.train_on === shown.train_on) ?? runs[0];
  [filters.train.value, filters.variant.value] = [first.train_on, first.variant];
  /** Choices that no run has beside what is chosen cannot be chosen. */
  const pair = () => {
    for (const option of filters.train.options) mark(option, trainedOn, trained(filters.variant.value, option.value).length);
    for (const option of filters.variant.options) mark(option, name, trained(option.value, filters.train.value).length);
  };
  const mark = (option, label, possible) => {
    option.disabled = !possible;
    option.textContent = `${label(option.value)}${possible ? "" : " (not trained)"}`;
  };
  pair();
  options(filters.dataset, films.map((film) => film.dataset), testedOn);
  options(filters.metric, scores.filter((metric) => runs.some((run) => run[metric].some((value) => value !== null))), (metric) => TITLES[metric]);
  let most = STEP;

  function list() {
    const { variant, train, dataset, group, metric, order } = Object.fromEntries(Object.entries(filters).map(([key, select]) => [key, select.value]));
    const own = trained(variant, train);
    let rows = films.map((film, i) => ({ film, i, value: mean(own.map((run) => run[metric][i])) }))
      .filter(({ film, value }) => (!dataset || film.dataset === dataset) && (!group || String(film.abnormal) === group) && value !== null);
    const sorted = rows.map(({ value }) => value).sort((a, b) => a - b), middle = sorted[(sorted.length - 1) >> 1];
    const sign = LOWER.has(metric) ? -1 : 1;
    const key = { worst: (row) => sign * row.value, best: (row) => -sign * row.value, typical: (row) => Math.abs(row.value - middle), name: () => 0 }[order];
    rows = rows.sort((a, b) => key(a) - key(b) || (a.film.image_id < b.film.image_id ? -1 : 1));
    $("#count").textContent = `${rows.length} films; mean ${TITLES[metric]} ${digits(mean(sorted), metric)}. Shown: ${Math.min(most, rows.length)}.${own[0]?.outlines ? "" : " These runs' outlines are not in the page."}`;
    $("#gallery").replaceChildren(...rows.slice(0, most).map(({ film, i, value }) => make("button",
      { type: "button", class: "film", "data-id": film.image_id, onclick: () => go(ofFilm(i, own[0], { test: dataset || "pooled", metric })) },
      picture(i, own[0], false), make("span", {}, `${TITLES[metric]} `, make("strong", { class: "value" }, digits(value, metric))), make("span", {}, `${film.image_id}, ${testedOn(film.dataset)}${film.window ? ", greys spread" : ""}`))));
    $("#more").hidden = rows.length <= most;
  }

  for (const select of Object.values(filters)) {
    select.onchange = () => { pair(); most = STEP; list(); };
  }
  $("#more").onclick = () => { most += 4 * STEP; list(); };
  list();
  route();
  root.dataset.ready = "true";
}
