// The live page without this script shows how everything stood when it was loaded. With it, new
// events are put on top as they come, and what stands below is read again after a change.
"use strict";

{
  const status = document.getElementById("live-status");
  const list = document.getElementById("live-events");
  const most = Number(status.dataset.most), topic = status.dataset.topic;
  const POINTS = 300, RELOAD_MS = 1000, DRAW_MS = 500;
  let reloading = 0, drawing = 0;

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };

  function element(name, text, className) {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function add(event) {
    const item = document.createElement("li");
    const text = event.text.charAt(0).toUpperCase() + event.text.slice(1);
    const small = element("span", "", "small"), time = element("time", event.at);
    time.dateTime = event.at;
    small.append(time);
    item.append(element("span", event.topic, "badge"), ` ${text}${/[.!?]$/.test(text) ? "" : "."} `, small);
    showTimes(item);
    list.querySelector(".none")?.remove();
    list.prepend(item);
    while (list.children.length > most) list.lastElementChild.remove();
  }

  // The figure holds its data as JSON, which the console's own script draws.
  function point(event) {
    const figure = document.querySelector("figure[data-chart]");
    const holder = figure.querySelector('script[type="application/json"]');
    const chart = JSON.parse(holder.textContent);
    chart.time = true;
    const [series] = chart.series;
    series.x = [...series.x, event.at].slice(-POINTS);
    series.y = [...series.y, event.data.answered_per_s].slice(-POINTS);
    holder.textContent = JSON.stringify(chart);
    const rate = Number(event.data.answered_per_s.toPrecision(3)).toLocaleString("en");
    const title = document.querySelector("#standing-title h1");
    title.textContent = title.textContent.replace(/^[\d.,]+/, rate);
    if (!drawing) drawing = setTimeout(() => { drawing = 0; if (globalThis.Plotly) draw(figure); }, DRAW_MS);
  }

  async function readAgain() {
    reloading = 0;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["standing-title", "standing"]) {
        const fresh = page.getElementById(id);
        if (!fresh) return;
        showTimes(fresh);
        document.getElementById(id).replaceChildren(...fresh.childNodes);
      }
    } catch { /* The service is away: the status says so. */ }
  }

  function take(event) {
    if (event.topic === "predictions") { point(event); return; }
    if (!topic || event.topic === topic) add(event);
    if (!reloading) reloading = setTimeout(readAgain, RELOAD_MS);
  }

  function follow() {
    const source = new EventSource(`/live?after=${encodeURIComponent(status.dataset.cursor)}`);
    const on = (name, then) => source.addEventListener(name, (message) => then(JSON.parse(message.data)));
    on("hello", () => say("Live: new events appear by themselves."));
    on("event", take);
    on("heartbeat", (beat) => say(beat.is_current ? "Live: new events appear by themselves."
      : "The database is away; new events will appear when it is back."));
    on("reload", () => { source.close(); location.reload(); });
    on("end", (end) => say(`Not live: ${end.reason}.`));
    source.addEventListener("error", () => {
      say(source.readyState === EventSource.CLOSED
        ? "Not live: the service refuses to go on. Load this page again."
        : "Connecting again …");
    });
    addEventListener("pagehide", () => source.close());
  }

  follow();
}
