// Refreshes the live panel of a page until what it shows is over; `data-refresh-seconds` says how often.
// When its status changes, the whole page is loaded again, because buttons outside of the panel depend on it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  function current() {
    return document.getElementById("live-panel");
  }

  function wait() {
    const seconds = Number(current()?.dataset.refreshSeconds);
    if (seconds) {
      window.setTimeout(refresh, 1000 * seconds);
    }
  }

  async function refresh() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live-panel");
      if (fresh && fresh.dataset.status !== current().dataset.status) {
        window.location.reload();
        return;
      }
      if (fresh) {
        current().replaceWith(fresh);
      }
    } catch {
      // The server cannot be reached at the moment; the next refresh tries again.
    }
    wait();
  }

  wait();
});
