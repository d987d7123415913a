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

  function improve(event) {
    hideIcons(event.target);
    makeOperable(event.target);
  }

  document.addEventListener("DOMContentLoaded", improve);
  document.addEventListener("htmx:afterSwap", improve);
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("[role=button][tabindex]")) {
      event.preventDefault();
      event.target.click();
    }
  });
})();
