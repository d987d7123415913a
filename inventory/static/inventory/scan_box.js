// The scan box: "/" leads to it from everywhere, and at the scan desk it is always ready for the next item.
"use strict";

(() => {
  const box = () => document.querySelector("[data-scan-box]");

  function focusBox() {
    box().focus();
    box().select();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const isTyping = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");
      if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping && box()) {
        event.preventDefault();
        event.stopImmediatePropagation();
        focusBox();
      }
    },
    true,
  );

  document.addEventListener("DOMContentLoaded", () => {
    const desk = document.getElementById("desk");
    if (!desk) {
      return;
    }

    // What is typed while an answer is on its way belongs to the next item, not to the quantity that was sent.
    desk.addEventListener("htmx:beforeRequest", (event) => {
      if (event.target.matches("#scan-form, #booking-form")) {
        focusBox();
      }
    });

    desk.addEventListener("desk:found", () => {
      box().value = "";
    });

    // A scan replaces what stands in the field.
    desk.addEventListener("focusin", (event) => {
      if (event.target.matches("[data-scan-box], #id_quantity")) {
        event.target.select();
      }
    });

    // The session is over: the page leads to the login.
    desk.addEventListener("htmx:beforeSwap", (event) => {
      if (new URL(event.detail.xhr.responseURL).pathname !== window.location.pathname) {
        event.preventDefault();
        window.location.reload();
      }
    });

    function complain() {
      const line = document.getElementById("no-answer").content.cloneNode(true);
      document.getElementById("log").prepend(line);
    }
    desk.addEventListener("htmx:sendError", complain);
    desk.addEventListener("htmx:responseError", complain);
  });
})();
