// The scan box: "/" leads to it from everywhere.
"use strict";

document.addEventListener(
  "keydown",
  (event) => {
    const box = document.querySelector("[data-scan-box]");
    const isTyping = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping && box) {
      event.preventDefault();
      event.stopImmediatePropagation();
      box.focus();
    }
  },
  true,
);

// A scan replaces what stands in the field.
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-scan-box], [data-scan-panel] input[autofocus]")) {
    event.target.select();
  }
});
