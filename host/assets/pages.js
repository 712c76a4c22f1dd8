// What the pages do beside htmx: keys, times that stay true, and what was answered to a deed.
(() => {
  "use strict";

  const live = () => document.getElementById("live");
  const said = () => document.getElementById("said");

  const tell = (text) => {
    const place = said();
    place.textContent = text;
    place.hidden = text === "";
  };

  // Whether what is shown is what is so.
  document.addEventListener("htmx:sse:after:connection", () => {
    live().textContent = "live";
    live().className = "live on";
  });
  for (const lost of ["htmx:sse:error", "htmx:sse:close"]) {
    document.addEventListener(lost, () => {
      live().textContent = "not live: persona-host does not answer";
      live().className = "live off";
    });
  }

  // A tick after which nothing on the page is other than before is told of.
  const done = (text) => {
    try {
      const { due, ranSuccessfully, failed, paused } = JSON.parse(text);
      if (due === undefined) return "";
      if (paused) return "No tick: everybody is paused.";
      if (due === 0) return "Nobody is due.";
      return `${due} due: ${ranSuccessfully} played, ${failed.length} failed.`;
    } catch {
      return "";
    }
  };

  // A deed that was refused says why; one that was done is seen on the page.
  document.addEventListener("htmx:after:request", (event) => {
    const { request, response, text } = event.detail.ctx;
    if (!request || request.method === "GET" || !response) return;
    if (response.status < 400) return tell(done(text));
    let why = `persona-host answered ${response.status}`;
    try {
      const { message, hint } = JSON.parse(text).error;
      why = hint ? `${message}. ${hint}` : message;
    } catch {
      // It was no answer of the API.
    }
    tell(why);
  });

  // Times are said as how long ago; what is long ago does not change often.
  const units = [[172800, 86400, "days"], [7200, 3600, "h"], [120, 60, "min"], [0, 1, "s"]];
  const relative = (seconds) => {
    const away = Math.abs(seconds);
    if (away < 1) return "now";
    const [, size, unit] = units.find(([from]) => away >= from);
    const span = `${Math.floor(away / size)} ${unit}`;
    return seconds < 0 ? `${span} ago` : `in ${span}`;
  };
  // Its clock counts, which a demo's is not the one here.
  let ahead = 0;
  const setClock = () => {
    ahead = Date.parse(document.getElementById("page").dataset.now) - Date.now();
  };
  setClock();
  document.addEventListener("htmx:after:swap", setClock);
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const now = relative((Date.parse(time.dateTime) - Date.now() - ahead) / 1000);
      if (time.textContent !== now) time.textContent = now;
    }
  }, 1000);

  // Charts: drawn once, and again when their values or the room for them changed.
  const colours = ["--accent", "--good", "--odd", "--calm", "--bad", "--faint"];
  const draw = (figure) => {
    const key = `${figure.dataset.chart} ${figure.clientWidth}`;
    if (figure.drawn === key) return;
    figure.drawn = key;
    const { times, names, values, within } = JSON.parse(figure.dataset.chart);
    // A variable is resolved for the light or the dark only where it is the colour of something.
    const probe = figure.appendChild(document.createElement("i"));
    const ink = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const rule = { stroke: ink("--line"), width: 1 };
    const axis = { stroke: ink("--faint"), grid: rule, ticks: rule };
    const day = (seconds) => new Date(seconds * 1000).toISOString();
    const time = { ...axis, space: 110, values: (_, all) => all.map((at) => day(at).slice(5, 16).replace("T", " ")) };
    const lines = names.map((label, at) => ({
      label, stroke: ink(colours[at % colours.length]), width: 2, spanGaps: true, points: { show: true, size: 6 },
    }));
    figure.replaceChildren();
    new uPlot({
      width: figure.clientWidth, height: 240, axes: [time, axis],
      series: [{ label: "when (UTC)", value: (_, at) => (at == null ? "" : day(at).slice(0, 16).replace("T", " ")) }, ...lines],
      scales: within ? { y: { range: within } } : {},
    }, [times, ...values], figure);
  };
  const drawAll = () => document.querySelectorAll("figure.chart").forEach(draw);
  drawAll();
  document.addEventListener("htmx:after:swap", drawAll);
  addEventListener("resize", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.querySelectorAll("figure.chart").forEach((figure) => { figure.drawn = ""; });
    drawAll();
  });

  // Keys: `g` and a letter for a place, `j` and `k` for rows, `?` for what there is.
  let before = "";
  const rows = () => [...document.querySelectorAll("main a.row")];
  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.indexOf(document.activeElement);
    all[Math.min(Math.max(at + by, 0), all.length - 1)].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    const [key, first] = [event.key, before];
    before = key;
    if (first === "g") {
      const place = document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`);
      if (place) location.assign(place.href);
    } else if (key === "?") {
      document.getElementById("keys").showModal();
    } else if (key === "j") {
      move(1);
    } else if (key === "k") {
      move(-1);
    }
  });
})();
