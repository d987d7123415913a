// The pictures of a product: `[data-pictures]`.
//
// Each change is a request of its own, one after the other, and its answer has the cards as they are then. What was
// typed elsewhere on the page, and in the cards themselves, stays. A new product has no address yet (`data-url`): its
// files are sent with the form of the page.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector("[data-pictures]");
  const input = panel?.querySelector("input[type=file]");
  if (!input) {
    return;
  }
  const { url, maxBytes, tooLarge, maxFiles, tooMany, waiting, sending, checking, failed, remove } = panel.dataset;
  const version = document.querySelector("[name=expected_version]");
  const zone = panel.querySelector("[data-drop-zone]");
  const uploads = panel.querySelector("[data-uploads]");
  const cards = panel.querySelector("[data-cards]");
  const said = panel.querySelector("[data-said]");
  const refused = panel.querySelector("[data-refused]");
  // The decoder of pictures has one place.
  const RETRIES = 10;
  const RETRY_MS = 2_000;
  const BUSY = 503;

  // Django-unfold writes the name of a chosen file into a text field beside its input, and this one has none.
  input.hasChangeListener = true;

  let last = Promise.resolve();
  let waitingCount = 0;

  // --- Requests -------------------------------------------------------------------------------------------------------

  function formOf(values) {
    const form = new FormData();
    form.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    for (const [name, value] of values) {
      form.append(name, value);
    }
    return form;
  }

  // The answer as {status, message, cards, versions}; with the status 0 if it is not from the view (a login, an error).
  function answerOf(request) {
    try {
      return { status: request.status, ...JSON.parse(request.responseText) };
    } catch {
      return { status: 0, message: failed };
    }
  }

  // The page is saved on top of its own changes of pictures, not on top of what somebody else has changed meanwhile.
  function follow([before, after]) {
    if (version.value === String(before) && after <= before + 1) {
      version.value = after;
    }
  }

  function send(values, onProgress) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", url);
      request.upload.addEventListener("progress", (event) => onProgress?.(event.loaded / event.total));
      request.addEventListener("loadend", () => {
        const answer = answerOf(request);
        follow(answer.versions ?? []);
        resolve(answer);
      });
      request.send(formOf(values));
    });
  }

  // One request at a time: each answer shows what all before it have done.
  function enqueue(work) {
    waitingCount += 1;
    last = last.then(work).finally(() => {
      waitingCount -= 1;
    });
    return last;
  }

  function say(answer) {
    const isRefused = answer.status !== 200;
    refused.textContent = isRefused ? answer.message : "";
    refused.hidden = !isRefused;
    said.textContent = isRefused ? "" : answer.message;
  }

  // --- Cards ----------------------------------------------------------------------------------------------------------

  const cardOf = (element) => element?.closest("[data-picture]");
  const cardNamed = (key) => cards.querySelector(`[data-picture="${key}"]`);
  const listed = () => [...cards.querySelectorAll("[data-picture]")];
  const unsaved = () => [...cards.querySelectorAll("[data-alt]")].filter((alt) => alt.value !== alt.defaultValue);

  // The cards as the server shows them; texts that are being typed, and the focus, stay where they are.
  function show(answer) {
    if (!answer.cards) {
      return;
    }
    const active = document.activeElement;
    const focused = cards.contains(active) ? { key: cardOf(active)?.dataset.picture, move: active.dataset.move } : null;
    const isTyping = active.matches("[data-alt]") && [active.selectionStart, active.selectionEnd];
    const texts = unsaved().map((alt) => [cardOf(alt).dataset.picture, alt.value]);
    cards.innerHTML = answer.cards;
    for (const [key, text] of texts) {
      const alt = cardNamed(key)?.querySelector("[data-alt]");
      if (alt) {
        alt.value = text;
      }
    }
    if (focused) {
      focusAgain(cardNamed(focused.key), focused.move, isTyping);
    }
  }

  function focusAgain(card, move, isTyping) {
    if (isTyping) {
      const alt = card?.querySelector("[data-alt]");
      alt?.focus();
      alt?.setSelectionRange(...isTyping);
    } else {
      const wanted = card?.querySelector(`[data-move="${move}"]:enabled`) ?? card?.querySelector("button:enabled");
      (wanted ?? input).focus();
    }
  }

  function change(values) {
    return enqueue(async () => {
      const answer = await send(values);
      say(answer);
      show(answer);
    });
  }

  function saveOrder() {
    change([["do", "order"], ...listed().map((card) => ["picture", card.dataset.picture])]);
  }

  function move(card, by) {
    const button = document.activeElement;
    const order = listed();
    const other = order[order.indexOf(card) + by];
    other[by < 0 ? "before" : "after"](card);
    button.focus();
    saveOrder();
  }

  // The cards are not replaced, so that nobody is disturbed who types on in the next one.
  function describe(alt) {
    const card = cardOf(alt);
    const text = alt.value;
    enqueue(async () => {
      const answer = await send([["do", "describe"], ["picture", card.dataset.picture], ["alt", text]]);
      const shown = cardNamed(card.dataset.picture);
      const note = shown?.querySelector("[data-alt-refused]");
      if (answer.status !== 200 || !shown) {
        if (note) {
          note.textContent = answer.message;
          note.hidden = false;
        }
        return;
      }
      shown.querySelector("[data-alt]").defaultValue = text;
      note.hidden = true;
      said.textContent = answer.message;
    });
  }

  function erase(card, button) {
    button.disabled = true;
    const order = listed();
    const next = order[order.indexOf(card) + 1] ?? order[order.indexOf(card) - 1];
    change([["do", "delete"], ["picture", card.dataset.picture]]).then(() => {
      button.disabled = false;
      (cardNamed(next?.dataset.picture)?.querySelector("[data-move]:enabled, button:enabled") ?? input).focus();
    });
  }

  // --- Uploads --------------------------------------------------------------------------------------------------------

  function uploadLine(file) {
    const line = document.createElement("li");
    const name = document.createElement("span");
    const progress = document.createElement("progress");
    const state = document.createElement("span");
    name.dataset.name = "";
    name.textContent = progress.ariaLabel = file.name;
    progress.max = 1;
    progress.value = 0;
    state.textContent = waiting;
    line.append(name, progress, state);
    uploads.append(line);
    return { line, progress, state };
  }

  function complain({ line, progress, state }, message) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "picture-button";
    close.ariaLabel = `${remove}: ${line.querySelector("[data-name]").textContent}`;
    close.textContent = "×";
    close.addEventListener("click", () => {
      line.remove();
      input.focus();
    });
    state.textContent = message;
    state.className = "text-red-700 dark:text-red-500";
    state.setAttribute("role", "alert");
    progress.replaceWith(close);
  }

  async function upload(file, shown) {
    let answer;
    for (let number = 0; number <= RETRIES; number += 1) {
      shown.state.textContent = sending;
      answer = await send([["do", "add"], ["file", file]], (part) => {
        shown.progress.value = part;
        shown.state.textContent = part < 1 ? sending : checking;
      });
      if (answer.status !== BUSY) {
        break;
      }
      shown.state.textContent = waiting;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    show(answer);
    if (answer.status === 200) {
      said.textContent = answer.message;
      shown.line.remove();
    } else {
      complain(shown, answer.message);
    }
  }

  function take(files) {
    for (const file of files) {
      const shown = uploadLine(file);
      if (file.size > Number(maxBytes)) {
        complain(shown, tooLarge);
      } else {
        enqueue(() => upload(file, shown));
      }
    }
  }

  // A new product: the input keeps the files, and the page says which.
  function list() {
    const chosen = [...input.files];
    refused.textContent = tooMany;
    refused.hidden = chosen.length <= Number(maxFiles);
    if (!refused.hidden) {
      const first = new DataTransfer();
      chosen.slice(0, Number(maxFiles)).forEach((file) => first.items.add(file));
      input.files = first.files;
    }
    uploads.replaceChildren();
    for (const file of input.files) {
      const { line, progress, state } = uploadLine(file);
      progress.remove();
      state.textContent = "";
      if (file.size > Number(maxBytes)) {
        state.textContent = tooLarge;
        state.className = "text-red-700 dark:text-red-500";
      }
      uploads.append(line);
    }
  }

  function received() {
    if (url) {
      take([...input.files]);
      input.value = "";
    } else {
      list();
    }
  }

  // --- Events ---------------------------------------------------------------------------------------------------------

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

  // Everywhere on the page: a browser would leave it to show a file that misses the zone.
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) {
      event.preventDefault();
      zone.classList.toggle("is-over", panel.contains(event.target));
      event.dataTransfer.dropEffect = panel.contains(event.target) ? "copy" : "none";
    }
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) {
      zone.classList.remove("is-over");
    }
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) {
      return;
    }
    event.preventDefault();
    zone.classList.remove("is-over");
    if (panel.contains(event.target)) {
      input.files = event.dataTransfer.files;
      received();
    }
  });

  panel.addEventListener("change", (event) => {
    if (event.target === input) {
      received();
    } else if (event.target.matches("[data-alt]")) {
      describe(event.target);
    }
  });
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.move) {
      move(cardOf(button), Number(button.dataset.move));
    } else if (button?.matches("[data-delete]")) {
      erase(cardOf(button), button);
    }
  });
  panel.addEventListener("pictures-sorted", saveOrder);
  // Enter saves the text, not the page.
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-alt]")) {
      event.preventDefault();
      event.target.blur();
      event.target.focus();
    }
  });
  // Django-unfold asks before a page with unsaved input is left; this is saved by itself.
  if (url) {
    panel.addEventListener("input", (event) => event.stopPropagation(), true);
  }
  window.addEventListener("beforeunload", (event) => {
    if (waitingCount > 0 || unsaved().length > 0) {
      event.preventDefault();
    }
  });
  // The pictures first: their requests would be cut off, and increase the version with which the page is saved.
  input.form.addEventListener("submit", (event) => {
    if (waitingCount > 0) {
      event.preventDefault();
      last.then(() => input.form.requestSubmit(event.submitter));
    }
  });
});
