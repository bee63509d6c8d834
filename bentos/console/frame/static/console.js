// The console works without this script: it shows times in the viewer's zone, switches between
// light and dark, and draws the charts that pages hold as data.
"use strict";

const root = document.documentElement;
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const isDark = () => root.dataset.theme
  ? root.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches;

function showTimes(within = document) {
  const day = { year: "numeric", month: "short", day: "numeric" };
  const full = { ...day, hour: "2-digit", minute: "2-digit" };
  for (const element of within.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    element.title = element.textContent;
    element.textContent = at.toLocaleString(undefined, "day" in element.dataset ? day : full);
  }
  const zone = document.getElementById("zone");
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && name) zone.textContent = name;
}

function setUpTheme() {
  const button = document.getElementById("theme");
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `runlore_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
    label();
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { label(); drawAll(); });
}

function faded(colour, share) {
  const number = parseInt(colour.slice(1), 16);
  return `rgba(${number >> 16}, ${(number >> 8) & 255}, ${number & 255}, ${share})`;
}

// Plotly reads some markup in texts; names of people's work are shown as they are.
const plain = (text) => (typeof text === "string" ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : text);

function traces(series, lying) {
  const colour = css(`--c${series.colour}`);
  const common = { x: series.x, y: series.y, name: plain(series.name) };
  if (series.style === "bars") {
    const bars = { ...common, type: "bar", marker: { color: faded(colour, 0.75) } };
    if (!lying) return [bars];
    const sd = series.low ? { type: "data", symmetric: false, array: series.y.map((y, i) => series.high[i] - y), arrayminus: series.y.map((y, i) => y - series.low[i]), color: colour, thickness: 1.5 } : undefined;
    return [{ ...bars, x: series.y, y: series.x, orientation: "h", error_x: sd }];
  }
  const drawn = [];
  const hasEnds = Array.isArray(series.low);
  if (hasEnds && series.style !== "points") {
    const edge = { x: series.x, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
    drawn.push({ ...edge, y: series.low });
    drawn.push({ ...edge, y: series.high, fill: "tonexty", fillcolor: faded(colour, 0.2) });
  }
  const main = { ...common, type: "scatter", line: { color: colour, width: 2 }, marker: { color: colour, size: 7 } };
  main.mode = series.style === "points" ? "markers" : series.x.length < 40 && series.style === "line" ? "lines+markers" : "lines";
  if (series.style === "steps") main.line.shape = "hv";
  if (series.style === "dashes") main.line.dash = "dash";
  if (hasEnds && series.style === "points") {
    const part = (ends, sign) => ends.map((end, i) => (end === null || series.y[i] === null ? 0 : sign * (end - series.y[i])));
    main.error_y = { type: "data", symmetric: false, array: part(series.high, 1), arrayminus: part(series.low, -1), color: colour, thickness: 1.5 };
  }
  drawn.push(main);
  return drawn;
}

function draw(figure) {
  const plot = figure.querySelector(".plot");
  figure.classList.add("drawing");
  const chart = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const names = chart.lying ? chart.series[0].x : [];
  for (const series of chart.series) series.x = series.x.map(plain);
  const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: css("--ink"), size: 13, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 8, r: 12, t: 8, b: 8 }, showlegend: chart.series.length > 1, barmode: "group",
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: { ...axis, title: { text: plain(chart.x), standoff: 8, font: { size: 12 } } },
    yaxis: { ...axis, title: { text: plain(chart.y), standoff: 8, font: { size: 12 } } },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
  };
  if (chart.percent) layout.yaxis.tickformat = ".0%";
  if (chart.percent && chart.square) layout.xaxis.tickformat = ".0%";
  if (chart.range) layout.yaxis.range = chart.range;
  const places = chart.series.flatMap((series) => series.x);
  if (chart.time && new Set(places).size === 1) {
    const at = new Date(places[0]).valueOf();
    const around = chart.series.some((series) => series.style === "steps") ? 60e3 : 3 * 86400e3;
    layout.xaxis.range = [at - around, at + around];
  }
  if (chart.square && chart.range) layout.xaxis.range = chart.range;
  if (!chart.lying && chart.series.every((series) => series.y.every((y) => !y))) layout.yaxis.range = [0, 1];
  if (!chart.time && typeof places[0] === "string") {
    layout.xaxis.type = "category";
    layout.bargap = new Set(places).size < 6 ? 0.7 : 0.2;
  }
  if (chart.lying) {
    layout.xaxis.type = "linear";
    [layout.xaxis.tickformat, layout.yaxis.tickformat] = [layout.yaxis.tickformat, undefined];
    layout.bargap = 0.25;
    [layout.xaxis.title, layout.yaxis.title] = [{ text: plain(chart.y), standoff: 8, font: { size: 12 } }, undefined];
    layout.yaxis.autorange = "reversed";
    if (chart.range) [layout.xaxis.range, layout.yaxis.range] = [chart.range, undefined];
    plot.style.height = `${Math.max(12, 4 + 1.6 * chart.series[0].x.length)}rem`;
    const room = plot.clientWidth > 500 ? 40 : 20;
    layout.yaxis.tickvals = chart.series[0].x;
    layout.yaxis.ticktext = names.map((name) => plain(name.length > room ? `${name.slice(0, room - 1)}…` : name));
  }
  globalThis.Plotly.react(plot, chart.series.flatMap((series) => traces(series, chart.lying)), layout, { displayModeBar: false, responsive: true });
}

const figures = () => [...document.querySelectorAll("figure[data-chart]")];

function drawAll() {
  if (globalThis.Plotly) figures().forEach(draw);
}

function loadLibrary() {
  if (figures().length === 0) return;
  const script = document.createElement("script");
  script.src = document.body.dataset.library;
  script.addEventListener("load", drawAll);
  script.addEventListener("error", () => {
    for (const details of document.querySelectorAll("figure[data-chart] details")) details.open = true;
  });
  document.head.append(script);
}

// A form with data-live asks again while it is filled in, and shows the new answer in place.
function setUpLiveForm(form) {
  const target = document.getElementById(form.dataset.live);
  let timer = 0, latest = 0;
  const ask = async () => {
    const mine = ++latest;
    const body = new URLSearchParams(new FormData(form));
    body.set("what_if", "1");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(target.id);
      if (mine !== latest || !fresh) return;
      showTimes(fresh);
      target.replaceChildren(...fresh.childNodes);
    } catch { /* The service is away: the button says so. */ }
  };
  for (const slider of form.querySelectorAll("input[type=range][data-for]")) {
    const field = document.getElementById(slider.dataset.for);
    slider.hidden = false;
    slider.addEventListener("input", () => { field.value = String(Number(Number(slider.value).toPrecision(6))); });
    field.addEventListener("input", () => { slider.value = field.value; });
  }
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
}

showTimes();
document.querySelectorAll("form[data-live]").forEach(setUpLiveForm);
setUpTheme();
// The page is painted first: reading the library and drawing take longer than the rest together.
requestAnimationFrame(() => setTimeout(loadLibrary));
