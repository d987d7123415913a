// What django-unfold's pages lack for keyboards and screen readers.
"use strict";

(() => {
  // Icons are words of a font: a screen reader would read "arrow_back".
  function hideIcons(root) {
    for (const icon of root.querySelectorAll(".material-symbols-outlined")) {
      icon.setAttribute("aria-hidden", "true");
    }
  }

  // Elements that Alpine.js makes clickable, without being links or buttons.
  function makeOperable(root) {
    for (const element of root.querySelectorAll("span[x-on\\:click], div[x-on\\:click], a[x-on\\:click]:not([href])")) {
      if (element.textContent.trim()) {
        element.setAttribute("role", "button");
        element.tabIndex = 0;
      }
    }
  }

  // Buttons with nothing but an icon.
  function name(root) {
    for (const element of root.querySelectorAll("a, button, [role=button]")) {
      const text = [...element.childNodes].filter((node) => !node.matches?.("[aria-hidden]"));
      if (!element.title && !element.ariaLabel && !text.some((node) => node.textContent.trim() || node.matches?.("img"))) {
        element.ariaLabel = document.querySelector("[data-more]")?.dataset.more;
      }
    }
  }

  // A field with a search names itself by its choice alone, and is nameless without one.
  function nameSearches() {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`)?.textContent.trim();
      const shown = select.nextElementSibling.querySelector(".select2-selection__rendered");
      if (label && shown) {
        shown.ariaLabel = [label, shown.textContent.trim()].join(" ").trim();
        select.onchange = nameSearches;
      }
    }
  }

  function improve(event) {
    hideIcons(event.target);
    makeOperable(event.target);
    name(event.target);
  }

  // Django's own script puts explanations into empty elements, where a screen reader may not expect them.
  function describeTooltips() {
    for (const tooltip of document.querySelectorAll(".help-tooltip[aria-label]")) {
      tooltip.setAttribute("role", "img");
    }
  }

  // After a refusal work goes on at the first field that is to be corrected. Before the page is loaded Django's own
  // script focuses another one, and autofocus does nothing as long as Alpine.js hides the page.
  function focusFirst() {
    const invalid = document.querySelector("#content-start [aria-invalid=true]");
    if (invalid || document.activeElement === document.body) {
      (invalid ?? document.querySelector("[autofocus]"))?.focus();
    }
  }

  document.addEventListener("DOMContentLoaded", improve);
  window.addEventListener("load", focusFirst);
  window.addEventListener("load", nameSearches);
  // It does so at the same event, after this script.
  window.addEventListener("load", () => setTimeout(describeTooltips));
  document.addEventListener("htmx:afterSwap", improve);
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("[role=button][tabindex]")) {
      event.preventDefault();
      event.target.click();
    }
  });
})();
