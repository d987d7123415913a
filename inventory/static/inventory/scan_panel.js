// A panel for a scanner, which htmx swaps after each input: `[data-scan-panel]`.
//
// - Keys that are pressed while an answer is awaited go to the field that the answer brings, so that the first digit of
//   a number that is typed quickly is not lost with the field before it.
// - Without an answer the input stays, with a word at `[data-not-sent]`; after a refusal with one at `[data-refused]`.
// - After an answer that brings no field, the scan box is ready for the next item; what it has found is removed from it.
// - An answer from another address, the login, is shown as a page.
"use strict";

(() => {
  const PANEL = "[data-scan-panel]";
  // The keys since the request was sent; null while none is awaited.
  let heldKeys = null;

  const isOfPanel = (event) => event.detail.target?.matches(PANEL);
  const isOfDesk = (event) => isOfPanel(event) || event.detail.target?.closest("#log");

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

  // The input stays, so that it can be sent again.
  function complain(event, notice) {
    if (isOfDesk(event)) {
      heldKeys = null;
      for (const element of document.querySelectorAll("[data-not-sent], [data-refused]")) {
        element.hidden = !element.matches(notice);
      }
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

  // The session is over: the answer is the page of the login.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOfDesk(event) && new URL(event.detail.xhr.responseURL).pathname !== window.location.pathname) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    // Once for each answer; the event is also sent for what is swapped beside the panel.
    if (event.target.matches?.(PANEL)) {
      if (!event.target.querySelector("[autofocus]")) {
        const box = document.querySelector("[data-scan-box]");
        box.focus();
        box.select();
      }
      // Later, since htmx sends nothing from a form whose answer it is still busy with.
      window.setTimeout(typeHeldKeys);
    }
  });

  document.addEventListener("scan:found", () => {
    document.querySelector("[data-scan-box]").value = "";
  });

  document.addEventListener("htmx:sendError", (event) => complain(event, "[data-not-sent]"));
  document.addEventListener("htmx:timeout", (event) => complain(event, "[data-not-sent]"));
  document.addEventListener("htmx:responseError", (event) => {
    complain(event, event.detail.xhr.status < 500 ? "[data-refused]" : "[data-not-sent]");
  });
})();
