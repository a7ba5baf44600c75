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
  if (event.detail.xhr.status === 401) {
    ended(event.detail.requestConfig.verb !== "get");
    return;
  }
  const known = { 403: "This is not for your role, or the page is out of date: reload it.", 404: "This is no longer there.", 503: "The records cannot be reached just now. Try again in a moment." };
  trouble(known[event.detail.xhr.status] || "Something went wrong on our side. Nothing was kept.");
});
document.addEventListener("htmx:beforeRequest", () => endedAt || trouble(""));

// The session has ended. A page that only looks leaves, so that no patient stays on a screen; one on which somebody is typing waits
// for two minutes: he signs in again in another window, and goes on here.
let endedAt = 0;
const PATIENCE = 120000;
function ended(wrote) {
  if (!endedAt && wrote) {
    endedAt = Date.now();
    trouble("Your session has ended, and what you typed last was not kept. It is still here: ");
    const link = document.createElement("a");
    Object.assign(link, { href: "/sign-in", target: "_blank", textContent: "sign in in another window" });
    document.getElementById("trouble")?.append(link, ", then go on here within two minutes.");
  } else if (!endedAt || Date.now() - endedAt > PATIENCE) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  }
}
window.addEventListener("focus", async () => {
  if (!endedAt) return;
  const answer = await fetch("/account");
  if (new URL(answer.url).pathname !== "/account") return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (found.body.dataset.account !== document.body.dataset.account) {
    location.reload(); // it is somebody else
    return;
  }
  const token = found.querySelector("input[name=csrf]").value;
  document.querySelectorAll("input[name=csrf]").forEach((input) => (input.value = token));
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRF-Token": token }));
  endedAt = 0;
  trouble("");
  document.querySelector("form[hx-post]")?.dispatchEvent(new Event("input", { bubbles: true }));
});

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
