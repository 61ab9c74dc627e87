"use strict";
// The page is whole without this: it adds copying and filtering.
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

const filters = document.querySelector(".filters");
if (filters) {
  const items = [...document.querySelectorAll("[data-severity]")].map((element) => ({
    element,
    row: element.localName === "tr",
    severity: element.dataset.severity,
    level: element.dataset.level,
    area: element.dataset.area,
    places: JSON.parse(element.dataset.places),
    text: element.textContent.toLowerCase(),
  }));
  const rows = items.filter((item) => item.row);
  const search = filters.querySelector("[type=search]");
  const selects = [...filters.querySelectorAll("select")];
  const boxes = [...filters.querySelectorAll("[type=checkbox]")];
  const asked = () => ({
    words: search.value.toLowerCase().split(/\s+/),
    severities: new Set(boxes.filter((box) => box.checked).map((box) => box.value)),
    ...Object.fromEntries(selects.map((select) => [select.dataset.field, select.value])),
  });
  const fits = (item, by) => (!by.severities.size || by.severities.has(item.severity))
    && (!by.level || item.level === by.level)
    && (!by.area || item.area === by.area)
    && item.places.some(([at, over]) => (!by.revision || at === by.revision) && (!by.transport || over === by.transport))
    && by.words.every((word) => item.text.includes(word));
  const count = (by) => rows.filter((item) => fits(item, by)).length;
  const update = () => {
    const by = asked();
    let shown = 0;
    for (const item of items) {
      const visible = fits(item, by);
      item.element.hidden = !visible;
      shown += visible && item.row;
    }
    for (const select of selects) {
      for (const option of select.options) {
        if (option.value) option.textContent = `${option.dataset.name} (${count({ ...by, [select.dataset.field]: option.value })})`;
      }
    }
    for (const box of boxes) {
      box.parentElement.querySelector("b").textContent = count({ ...by, severities: new Set([box.value]) });
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
    document.querySelector(".nothing").hidden = shown > 0;
  };
  filters.addEventListener("input", update);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(update));
  for (const button of document.querySelectorAll(".map button")) {
    button.addEventListener("click", () => {
      filters.reset();
      for (const select of selects) select.value = button.dataset[select.dataset.field] ?? "";
      update();
      document.getElementById("results").scrollIntoView();
    });
  }
  // What a link leads to is shown, whatever the filters hide.
  const follow = () => {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = document.getElementById(id);
    if (!target) return;
    if (target.hidden) { filters.reset(); update(); }
    if (target.localName === "details") target.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  filters.hidden = false;
  update();
  follow();
}

addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details.failure")) each.open = true;
});
