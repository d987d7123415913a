// The search in the header: what is found while somebody types is chosen by the arrow keys and the enter key.
"use strict";

(() => {
  const link = document.querySelector("[data-search-link]");
  const form = document.querySelector("[data-search]");
  const box = form?.querySelector("[role=combobox]");
  const panel = document.getElementById("search-panel");

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      link?.click();
      box?.focus();
    }
  });
  if (!form) {
    return;
  }

  const options = () => [...panel.querySelectorAll("[role=option]")];
  const chosen = () => (panel.hidden ? undefined : panel.querySelector("[aria-selected=true]"));

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  function show(isShown) {
    choose(undefined);
    panel.hidden = !isShown || panel.childElementCount === 0;
    box.setAttribute("aria-expanded", String(!panel.hidden && options().length > 0));
  }

  // Beyond the last and before the first one nothing is chosen: the enter key then searches for the text.
  function move(step) {
    if (panel.hidden) {
      show(true);
    }
    const places = [undefined, ...options()];
    const place = places.indexOf(chosen() ?? undefined) + step;
    choose(places[(place + places.length) % places.length]);
  }

  panel.addEventListener("htmx:afterSwap", () => {
    document.getElementById("search-status").textContent = panel.querySelector("[data-status]")?.dataset.status ?? "";
    show(document.activeElement === box);
  });
  box.addEventListener("focus", () => show(true));
  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) {
      show(false);
    }
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && !panel.hidden) {
      // The next one empties the field.
      event.preventDefault();
      show(false);
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    }
  });
})();
