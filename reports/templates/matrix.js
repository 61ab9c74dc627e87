"use strict";
// The page is whole without this: it adds filters, and squares that set them.
const filters = document.querySelector(".filters");
if (filters) {
  const FAILING = new Set(["violation", "fault", "warning", "note", "known"]);
  const tables = [...document.querySelectorAll("table.fine")];
  const rows = tables.flatMap((table) => {
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.target);
    return [...table.tBodies[0].rows].map((element) => ({
      element, names,
      telling: "telling" in element.dataset,
      level: element.dataset.level,
      area: element.dataset.area,
      seen: JSON.parse(element.dataset.seen),
      text: element.cells[0].textContent.toLowerCase(),
    }));
  });
  const search = filters.querySelector("[type=search]");
  const telling = filters.querySelector("[name=telling]");
  const selects = [...filters.querySelectorAll("select")];
  const chips = [...filters.querySelectorAll(".chip input:not([name])")];
  // What the row says of one implementation, or of all of them.
  const states = (row, target) => {
    if (!target) return Object.keys(row.seen);
    const at = row.names.indexOf(target);
    return at < 0 || !row.element.cells[at].className ? [] : [row.element.cells[at].className.split(" ")[0]];
  };
  const bare = (name) => name.replace("/", "");
  const fits = (row, by) => {
    if ((by.level && row.level !== by.level) || (by.area && row.area !== by.area)) return false;
    if (!by.words.every((word) => row.text.includes(word))) return false;
    const found = states(row, by.target).map(bare);
    if (!found.length) return false;
    if (by.telling && !(by.target ? found.some((name) => FAILING.has(name)) : row.telling)) return false;
    return found.some((name) => {
      if (by.severities.size && !by.severities.has(name)) return false;
      return !by.revision || Object.entries(row.seen).some(([each, at]) => bare(each) === name && at.includes(by.revision));
    });
  };
  const update = () => {
    const by = {
      words: search.value.toLowerCase().split(/\s+/),
      telling: telling.checked,
      severities: new Set(chips.filter((chip) => chip.checked).map((chip) => bare(chip.value))),
      ...Object.fromEntries(selects.map((select) => [select.dataset.field, select.value])),
    };
    let shown = 0;
    for (const row of rows) {
      row.element.hidden = !fits(row, by);
      shown += !row.element.hidden;
    }
    for (const table of tables) {
      const none = ![...table.tBodies[0].rows].some((row) => !row.hidden);
      table.parentElement.querySelector(".nothing").hidden = !none;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} checks`;
  };
  // Which column a cell is in, where it has not said so itself: asked for when it is pointed at.
  for (const table of tables) {
    const names = rows.find((row) => row.element.closest("table") === table)?.names ?? [];
    table.addEventListener("pointerover", (event) => {
      const cell = event.target.closest("td");
      if (cell?.className && !cell.title) cell.title = `${names[cell.cellIndex]}: ${cell.className === "na" ? "n/a" : cell.className}`;
    });
  }
  filters.addEventListener("input", update);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(update));
  // A square leads to its checks: those that fail, or all of them where none does.
  for (const square of document.querySelectorAll("a[data-area]")) {
    square.addEventListener("click", () => {
      filters.reset();
      for (const select of selects) select.value = square.dataset[select.dataset.field] ?? "";
      telling.checked = "failing" in square.dataset;
      setTimeout(() => { update(); document.querySelector(square.hash).focus(); });
    });
  }
  filters.hidden = false;
  update();
}

