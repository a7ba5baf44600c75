// What HTML alone cannot do. Everything works without this file; nothing here knows of patients.
"use strict";

// A request of htmx that failed is said where a screen reader hears it, instead of a page that silently stays as it was.
function trouble(text) {
  const place = document.getElementById("trouble");
  if (place) {
    place.textContent = text;
    place.hidden = !text;
  }
}
document.addEventListener("htmx:sendError", () => trouble("The server cannot be reached. Nothing was done; try again."));
document.addEventListener("htmx:timeout", () => trouble("The server takes too long. Reload the page to see whether it was done."));
document.addEventListener("htmx:responseError", (event) => {
  const known = { 403: "This is not for your role, or the page is out of date: reload it.", 404: "This is no longer there.", 503: "The records cannot be reached just now. Try again in a moment." };
  trouble(known[event.detail.xhr.status] || "Something went wrong on our side. Nothing was kept.");
});
document.addEventListener("htmx:beforeRequest", () => trouble(""));

// A form is sent once, however often its button is pressed. What may take a while says so, where a screen reader hears it.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.hasAttribute("hx-post") || form.hasAttribute("hx-get")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = String(setTimeout(() => {
    form.setAttribute("aria-busy", "true");
    for (const place of form.querySelectorAll("[data-patience]")) place.textContent = place.dataset.patience;
  }, 500));
});
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => {
  clearTimeout(Number(form.dataset.sent));
  delete form.dataset.sent;
  form.removeAttribute("aria-busy");
  for (const place of form.querySelectorAll("[data-patience]")) place.textContent = "";
}));

// Menus close on Escape and on a click elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.switch[open]").forEach((menu) => {
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.switch[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
