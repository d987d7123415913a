// Lines that are scanned. A scanner ends each code with the Enter key, which must not send a half-filled form.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // A new transfer: from a SKU to its quantity, and on to the next line. Enter in an empty line sends the form.
  function skus() {
    return [...document.querySelectorAll("[name^='lines-'][name$='-sku']:not([name*='__prefix__'])")];
  }

  function lineAfter(sku) {
    const position = skus().indexOf(sku);
    if (position === skus().length - 1) {
      sku.closest(".formset").querySelector(".add-row").click();
    }
    return skus()[position + 1];
  }

  document.addEventListener("keydown", (event) => {
    const { name, value } = event.target;
    if (event.key !== "Enter" || !name?.startsWith("lines-") || !value) {
      return;
    }
    event.preventDefault();
    const [sku, quantity] = ["sku", "quantity"].map((field) => document.getElementsByName(name.replace(/[a-z]+$/, field))[0]);
    const next = event.target === sku ? quantity : lineAfter(sku);
    next?.focus();
    next?.select();
  });

  // The receipt of a transfer: a scan leads to its line, and Enter there back to the next scan.
  const box = document.getElementById("line-scan");
  if (!box) {
    return;
  }
  const numbers = [...document.querySelectorAll("input[data-sku]")];

  function lineOf(code) {
    const wanted = code.trim().toUpperCase();
    return wanted && numbers.find(({ dataset }) => dataset.barcode === code.trim() || dataset.sku.toUpperCase() === wanted);
  }

  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") {
      return;
    }
    event.preventDefault();
    const line = lineOf(box.value);
    document.getElementById("line-scan-missed").hidden = Boolean(line) || !box.value.trim();
    if (line) {
      box.value = "";
    }
    (line ?? box).focus();
    (line ?? box).select();
  });

  for (const number of numbers) {
    number.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        box.focus();
      }
    });
  }
});
