// The table of variants: rows for new ones, and the variants that the options of the product make.
"use strict";

document.addEventListener("alpine:init", () => {
  const COPIED = ["price", "compare_at_price", "cost", "weight_grams"];
  let lastKey = 0;

  const keyed = (item) => ({ key: (lastKey += 1), ...item });
  const codeOf = (text) => text.trim().toUpperCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");

  Alpine.data("variants", () => ({
    // The options and their values, with the names by which the rows know them.
    options: [],
    // The combinations of values that no row has.
    missing: [],
    count: 0,
    said: "",
    problem: "",
    taken: "",

    init() {
      // Alpine's own `$root` is not found from a button of a row that has been removed.
      this.root = this.$root;
      this.stored = this.root.querySelector("[name=options]");
      this.options = JSON.parse(this.stored.value || "[]").map(({ name, values }) =>
        keyed({ name, was: name, values: values.map((text) => keyed({ text, was: text })) }));
      this.renumber();
      this.refresh();
      this.root.addEventListener("change", () => this.refresh());
    },

    rows() {
      return [...this.root.querySelectorAll("[data-rows] > tr")];
    },

    field(row, name) {
      return row.querySelector(`[name$="-${name}"]`);
    },

    valuesOf(row) {
      return JSON.parse(this.field(row, "options").value || "{}");
    },

    setValues(row, values) {
      this.field(row, "options").value = JSON.stringify(values);
    },

    isSaved(row) {
      return Boolean(this.field(row, "id").value);
    },

    // What the product is to have, of the options that have a name and values.
    named() {
      return this.options
        .map(({ name, values }) => ({ name: name.trim(), values: values.map(({ text }) => text.trim()).filter(Boolean) }))
        .filter(({ name, values }) => name && values.length);
    },

    refresh() {
      const options = this.named();
      this.stored.value = JSON.stringify(options);
      for (const row of this.rows()) {
        const values = this.valuesOf(row);
        row.querySelector("[data-variant-label]").textContent = options.map(({ name }) => values[name]).filter(Boolean).join(" / ");
      }
      const most = Number(this.root.dataset.max);
      const isTooMuch = options.reduce((count, { values }) => count * values.length, 1) > most;
      this.problem = isTooMuch ? `${this.root.dataset.tooMany} ${most}` : this.taken;
      this.taken = "";
      this.missing = isTooMuch || !options.length ? [] : this.missingOf(options);
    },

    missingOf(options) {
      const keyOf = (values) => JSON.stringify(options.map(({ name }) => values[name]));
      const known = new Set(this.rows().filter((row) => !this.field(row, "is_archived")?.checked).map((row) => keyOf(this.valuesOf(row))));
      const combinations = options.reduce(
        (found, { name, values }) => found.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))), [{}]);
      return combinations.filter((values) => !known.has(keyOf(values)));
    },

    addMissing() {
      const first = this.rows()[0];
      const start = this.prefix(first);
      const names = this.named().map(({ name }) => name);
      const incomplete = this.rows().filter((row) => names.some((name) => !(name in this.valuesOf(row))));
      const changed = this.missing.map((values) => {
        // A row that lacks the value of a new option takes the first combination that it fits.
        const place = incomplete.findIndex((row) => Object.entries(this.valuesOf(row)).every(([name, value]) => values[name] === value));
        const row = place < 0 ? this.addRow() : incomplete.splice(place, 1)[0];
        this.setValues(row, values);
        const sku = this.field(row, "sku");
        if (!this.isSaved(row) && (!sku.value.trim() || sku.value.trim() === start)) {
          sku.value = [start, ...names.map((name) => codeOf(values[name]))].filter(Boolean).join("-");
        }
        for (const name of COPIED) {
          const [from, to] = [first, row].map((one) => one && this.field(one, name));
          if (from && to && !to.value && !this.isSaved(row)) {
            to.value = from.value;
          }
        }
        return row;
      });
      this.refresh();
      this.said = `${this.root.dataset.added} ${changed.length}`;
      if (changed.length) {
        this.field(changed[0], "sku").focus();
      }
    },

    // What the SKUs begin with: the first one without its values, or what all have in common; else the product's name.
    prefix(first) {
      const sku = first && this.field(first, "sku").value.trim();
      if (!sku) {
        return codeOf(document.getElementById("id_name").value).slice(0, 40);
      }
      const values = this.valuesOf(first);
      const end = this.options.map(({ name }) => values[name]).filter(Boolean).map((value) => `-${codeOf(value)}`).join("");
      if (end && sku.toUpperCase().endsWith(end)) {
        return sku.slice(0, -end.length);
      }
      const others = this.rows().slice(1).map((row) => this.field(row, "sku").value.trim());
      const common = others.reduce((start, other) => start.slice(0, [...start].findIndex((_, at) => start[at] !== other[at]) >>> 0), sku);
      const cut = common.search(/[-_./ ][^-_./ ]*$/);
      return others.length && cut > 0 ? common.slice(0, cut) : sku;
    },

    addRow(focus = false) {
      const row = this.root.querySelector("[data-row]").content.firstElementChild.cloneNode(true);
      this.root.querySelector("[data-rows]").append(row);
      this.renumber();
      if (focus) {
        this.field(row, "sku").focus();
      }
      return row;
    },

    removeRow(button) {
      const row = button.closest("tr");
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      this.renumber();
      this.refresh();
      if (next) {
        this.field(next, "sku").focus();
      }
    },

    renumber() {
      const rows = this.rows();
      rows.forEach((row, index) => {
        for (const element of row.querySelectorAll("[name], [id], [for], [aria-describedby]")) {
          for (const attribute of ["name", "id", "for", "aria-describedby"]) {
            if (element.hasAttribute(attribute)) {
              element.setAttribute(attribute, element.getAttribute(attribute).replace(/variants-(\d+|__prefix__)-/, `variants-${index}-`));
            }
          }
        }
      });
      this.root.querySelector("[name=variants-TOTAL_FORMS]").value = rows.length;
      this.count = rows.length;
    },

    addOption() {
      this.options.push(keyed({ name: "", was: "", values: [] }));
      this.$nextTick(() => [...this.root.querySelectorAll(".option-name")].at(-1).focus());
    },

    // Whether an option or a value gets its old text back: the rows could not tell it from another one with the same
    // text, regardless of case, or with none.
    isTakenBack(item, field, others) {
      const text = item[field].trim();
      const isTaken = others.some((one) => one.key !== item.key && one[field].trim().toLowerCase() === text.toLowerCase());
      if (text && !isTaken) {
        return false;
      }
      this.taken = text && `${this.root.dataset.taken} ${text}`;
      item[field] = item.was;
      return true;
    },

    rename(option) {
      if (this.isTakenBack(option, "name", this.options)) {
        return;
      }
      for (const row of this.rows()) {
        const { [option.was]: value, ...rest } = this.valuesOf(row);
        if (value !== undefined) {
          this.setValues(row, { ...rest, [option.name.trim()]: value });
        }
      }
      option.was = option.name.trim();
      this.refresh();
    },

    removeOption(option) {
      this.options = this.options.filter((one) => one !== option && one.key !== option.key);
      for (const row of this.rows()) {
        const { [option.was]: value, ...rest } = this.valuesOf(row);
        this.setValues(row, rest);
      }
      this.refresh();
    },

    addValues(option, input) {
      const known = option.values.map(({ text }) => text);
      for (const text of input.value.split(",").map((one) => one.trim())) {
        if (text && !known.includes(text)) {
          known.push(text);
          option.values.push(keyed({ text, was: text }));
        }
      }
      input.value = "";
      this.refresh();
    },

    renameValue(option, value) {
      if (this.isTakenBack(value, "text", option.values)) {
        return;
      }
      for (const row of this.rows()) {
        const values = this.valuesOf(row);
        if (values[option.was] === value.was) {
          this.setValues(row, { ...values, [option.was]: value.text.trim() });
        }
      }
      value.was = value.text.trim();
      this.refresh();
    },

    // Variants that are saved are archived with the value, others are left out.
    removeValue(option, value) {
      option.values = option.values.filter(({ key }) => key !== value.key);
      for (const row of this.rows().filter((one) => this.valuesOf(one)[option.was] === value.was)) {
        if (this.isSaved(row)) {
          this.field(row, "is_archived").checked = true;
        } else {
          row.remove();
        }
      }
      this.renumber();
      this.refresh();
    },
  }));
});
