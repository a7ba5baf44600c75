// Keys and dragging on the clinical pages. Everything works without this file.
"use strict";

const typing = (element) => element.matches("input, textarea, select, [contenteditable]");
const press = (element) => {
  if (element && !element.disabled) element.click();
  return Boolean(element);
};

// --- help ---

function help() {
  const panel = document.getElementById("help");
  if (panel && !panel.open) panel.showModal();
}
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) help();
});

// --- the worklist: rows are gone through, the link of one has the focus ---

let before = "";
function rows() {
  return [...document.querySelectorAll("[data-rows] tbody th a")];
}
function go(to) {
  const links = rows();
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const wanted = to === "first" ? 0 : to === "last" ? links.length - 1 : at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + to));
  links[wanted].focus();
  links[wanted].scrollIntoView({ block: "nearest" });
}
function onList(key) {
  const tabs = document.querySelectorAll(".list-tabs a");
  if (key === "j" || key === "ArrowDown") go(1);
  else if (key === "k" || key === "ArrowUp") go(-1);
  else if (key === "G") go("last");
  else if (key === "g" && before === "g") go("first");
  else if (key === "r") location.reload();
  else if (["1", "2", "3"].includes(key)) press(tabs[Number(key) - 1]);
  else return false;
  return true;
}

// --- a study ---

function onStudy(key) {
  if (key === "/") document.getElementById("q")?.focus();
  else if (key === "i") document.getElementById("interpretation")?.focus();
  else if (key === "s") press(document.getElementById("sign"));
  else if (key === "a") press(document.getElementById("all-and-sign"));
  else if (key === "u") press(document.querySelector(".back a"));
  else if (/^[1-9]$/.test(key)) press(document.getElementById(`suggested-${key}`));
  else return false;
  return true;
}

// A code that was moved to an end keeps the keyboard, though the button that moved it is off there.
let moved = "";
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".moves button");
  moved = button && /^(up|down):/.test(button.value) ? button.value : "";
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (!moved || event.target.id !== "chosen") return;
  const [way, code] = moved.split(":");
  const to = [way, way === "up" ? "down" : "up"].map((id) => document.getElementById(`${id}-${code}`)).find((one) => one && !one.disabled);
  to?.focus();
  moved = "";
});

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const target = event.target;
  if (event.key === "Escape" && typing(target)) {
    target.blur();
    return;
  }
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const row = target.closest(".chosen li");
    if (row && press(row.querySelector(event.key === "ArrowUp" ? '[value^="up:"]' : '[value^="down:"]'))) event.preventDefault();
    return;
  }
  if (event.key === "ArrowDown" && (target.id === "q" || target.closest(".hits"))) {
    const hits = [...document.querySelectorAll(".hits button")];
    const at = hits.indexOf(target.closest("button"));
    hits[Math.min(hits.length - 1, at + 1)]?.focus();
    event.preventDefault();
    return;
  }
  if (event.key === "ArrowUp" && target.closest(".hits")) {
    const hits = [...document.querySelectorAll(".hits button")];
    const at = hits.indexOf(target.closest("button"));
    (at > 0 ? hits[at - 1] : document.getElementById("q")).focus();
    event.preventDefault();
    return;
  }
  if (typing(target) || event.ctrlKey || event.metaKey || event.altKey) return;
  let done = true;
  if (event.key === "?") help();
  else if (document.querySelector("[data-rows], .list-head")) done = onList(event.key);
  else if (document.querySelector(".patient")) done = onStudy(event.key);
  else done = false;
  before = event.key;
  if (done) event.preventDefault();
});

// What is added leaves the search at once, also while an earlier answer is under way, so that the next code can be typed: what was
// searched goes along with the button. (htmx tells of an act when it is pressed, and again when its turn has come.)
document.addEventListener("htmx:confirm", (event) => {
  const act = event.detail.triggeringEvent;
  const button = act?.submitter;
  const search = document.getElementById("q");
  if (!search || !button || act.searched !== undefined) return;
  act.searched = search.value;
  if (/^(take|add:|swap:)/.test(button.value)) {
    if (button.value === "take" || button.closest(".hits")) search.focus();
    search.value = "";
  }
});

// htmx sends the last button along with whatever else a form sends later: what was only typed presses none.
document.addEventListener("htmx:configRequest", (event) => {
  const { formData, triggeringEvent: act } = event.detail;
  if (event.target.id !== "choice") return;
  if (!act?.submitter) formData.delete("do");
  else if (act.submitter.value === "take") formData.set("do", `take:${act.searched}`);
});

// What was typed before the scripts had come is kept like what is typed after.
document.addEventListener("DOMContentLoaded", () => {
  const early = [...document.querySelectorAll("#choice :is(input[type=search], textarea)")].find((one) => one.value !== one.defaultValue);
  early?.dispatchEvent(new Event("input", { bubbles: true }));
});

// --- ranking by drag ---

let dragged = null;
document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".chosen li[draggable]") ?? null;
  if (!dragged) return;
  dragged.classList.add("dragged");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
});
document.addEventListener("dragover", (event) => {
  const over = event.target.closest?.(".chosen li[draggable]");
  if (!dragged || !over) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  over.parentNode.insertBefore(dragged, event.clientY > box.top + box.height / 2 ? over.nextSibling : over);
});
document.addEventListener("drop", (event) => {
  if (dragged) event.preventDefault();
});
document.addEventListener("dragend", () => {
  if (!dragged) return;
  dragged.classList.remove("dragged");
  dragged = null;
  document.getElementById("choice")?.dispatchEvent(new Event("ranked"));
});
