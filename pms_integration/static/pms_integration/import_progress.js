// Refreshes the progress panel of an import every second until the import is over.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MILLISECONDS = 1000;

  async function refresh() {
    const panel = document.getElementById("import-progress");
    if (!panel || panel.dataset.over === "true") {
      return;
    }
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      const fresh = new DOMParser()
        .parseFromString(await response.text(), "text/html")
        .getElementById("import-progress");
      if (fresh) {
        panel.replaceWith(fresh);
      }
    } catch {
      // The server cannot be reached at the moment; the next refresh tries again.
    }
    window.setTimeout(refresh, PAUSE_MILLISECONDS);
  }

  window.setTimeout(refresh, PAUSE_MILLISECONDS);
});
