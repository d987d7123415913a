// A panel for a scanner, which htmx swaps after each input: `[data-scan-panel]`.
//
// - Keys that are pressed while an answer is awaited go to the field that the answer brings, so that the first digit of
//   a number that is typed quickly is not lost with the field before it.
// - Without an answer the input stays, with a word at `[data-not-sent]`.
// - After an answer that brings no field, the scan box is ready for the next item; what it has found is removed from it.
// - An answer without the panel (the login, a refusal) is shown as a page.
"use strict";

(() => {
  const PANEL = "[data-scan-panel]";
  // The keys since the request was sent; null while none is awaited.
  let heldKeys = null;

  const isOfPanel = (event) => event.detail.target?.matches(PANEL);

  function typeHeldKeys() {
    const keys = heldKeys ?? [];
    heldKeys = null;
    while (keys.length > 0 && heldKeys === null) {
      const field = document.activeElement;
      const key = keys.shift();
      if (key === "Enter") {
        field.form?.requestSubmit();
      } else if (field instanceof HTMLInputElement) {
        field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
      }
    }
    heldKeys?.push(...keys);
  }

  function sayNotSent(event) {
    if (isOfPanel(event)) {
      document.querySelector("[data-not-sent]").hidden = false;
      heldKeys = null;
    }
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isOfPanel(event)) {
      heldKeys = [];
    }
  });

  document.addEventListener(
    "keydown",
    (event) => {
      const isTyped = event.key.length === 1 || event.key === "Enter";
      if (heldKeys !== null && isTyped && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        heldKeys.push(event.key);
      }
    },
    true,
  );

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOfPanel(event) && event.detail.xhr.status < 500 && !event.detail.serverResponse.includes("data-scan-panel")) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    // Once for each answer; the event is also sent for what is swapped beside the panel.
    if (event.target.matches?.(PANEL)) {
      if (!event.target.querySelector("[autofocus]")) {
        document.querySelector("[data-scan-box]").focus();
      }
      // Later, since htmx sends nothing from a form whose answer it is still busy with.
      window.setTimeout(typeHeldKeys);
    }
  });

  document.addEventListener("scan:found", () => {
    document.querySelector("[data-scan-box]").value = "";
  });

  document.addEventListener("htmx:sendError", sayNotSent);
  document.addEventListener("htmx:timeout", sayNotSent);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) {
      sayNotSent(event);
    }
  });
})();
