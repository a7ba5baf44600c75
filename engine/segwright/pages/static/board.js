// Live figures: the server says that something changed since the page was read, and the part of the page that shows it asks for
// itself anew.
"use strict";

const live = document.getElementById("live");
if (live && window.EventSource) {
  const of = live.dataset.of || "";
  const place = document.getElementById("now");
  const EVERY = 2000;
  let last = 0;
  let timer = 0;

  const renew = () => {
    timer = 0;
    last = Date.now();
    if (place) htmx.trigger(place, "board");
    else {
      live.textContent = "";
      const link = document.createElement("a");
      link.href = location.pathname + location.search;
      link.textContent = "Something changed: show it";
      live.append(link);
    }
  };
  const soon = () => {
    if (!timer) timer = setTimeout(renew, Math.max(0, last + EVERY - Date.now()));
  };
  let source = null;
  const listen = () => {
    source = new EventSource(live.dataset.live);
    source.addEventListener("ready", () => {
      live.textContent = "Live";
      live.classList.add("on");
    });
    source.addEventListener("changed", (event) => {
      const ids = JSON.parse(event.data);
      if (!of || ids.length === 0 || ids.includes(Number(of))) soon();
    });
    source.addEventListener("error", () => {
      live.classList.remove("on");
      live.textContent = "Not live at the moment; trying again";
    });
  };
  const stop = () => {
    if (source) source.close();
    source = null;
  };
  // A browser has few connections to a server: what nobody looks at keeps none of them.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else if (!source) listen();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", () => {
    if (!source && !document.hidden) listen();
  });
  if (!document.hidden) listen();
}
