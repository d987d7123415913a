// The page of an import shows how far it is: its panel is fetched anew until nothing more comes of it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MILLISECONDS = 1000;

  async function refresh() {
    const panel = document.getElementById("import-progress");
    if (!panel || panel.dataset.over === "true") {
      return;
    }
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin" });
      const fresh = new DOMParser()
        .parseFromString(await answer.text(), "text/html")
        .getElementById("import-progress");
      if (fresh) {
        panel.replaceWith(fresh);
      }
    } catch {
      // The server is away for a moment: the next try will tell.
    }
    window.setTimeout(refresh, PAUSE_MILLISECONDS);
  }

  window.setTimeout(refresh, PAUSE_MILLISECONDS);
});
