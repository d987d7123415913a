// Refreshes the parts (`data-live`) of the live panel until what it shows is over; `data-refresh-seconds` says how
// often. Nothing in a part can have the focus, which would be lost. When the status changes, the whole page is loaded
// again, because buttons depend on it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("live-panel");
  const seconds = Number(panel?.dataset.refreshSeconds);

  function show(fresh) {
    for (const part of panel.querySelectorAll("[data-live]")) {
      const now = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      // An equal text is not read aloud again.
      if (now.innerHTML !== part.innerHTML) {
        part.replaceChildren(...now.childNodes);
      }
    }
  }

  async function refresh() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live-panel");
      if (fresh && fresh.dataset.status !== panel.dataset.status) {
        window.location.reload();
        return;
      }
      if (fresh) {
        show(fresh);
      }
    } catch {
      // The server cannot be reached at the moment; the next refresh tries again.
    }
    window.setTimeout(refresh, 1000 * seconds);
  }

  if (seconds) {
    window.setTimeout(refresh, 1000 * seconds);
  }
});
