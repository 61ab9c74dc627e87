"use strict";
// The page is whole without this: it adds copying, filtering and reading values off the charts.
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

for (const chart of document.querySelectorAll("svg.chart")) {
  const cross = chart.querySelector(".cross");
  const readout = chart.parentElement.querySelector(".readout");
  chart.addEventListener("pointermove", (event) => {
    const hit = event.target.closest(".hit");
    if (!hit) return;
    cross.setAttribute("x1", hit.dataset.x);
    cross.setAttribute("x2", hit.dataset.x);
    cross.removeAttribute("hidden");
    readout.textContent = hit.textContent;
  });
  chart.addEventListener("pointerleave", () => {
    cross.setAttribute("hidden", "");
    readout.textContent = "";
  });
}

const filters = document.querySelector(".filters");
if (filters) {
  const rows = [...document.querySelectorAll(".results tbody tr")].map((row) => ({
    row,
    severity: row.dataset.severity,
    places: JSON.parse(row.dataset.places),
    text: row.textContent.toLowerCase(),
  }));
  const field = (name) => filters.querySelector(`[data-field=${name}]`).value;
  const update = () => {
    const words = filters.querySelector("[type=search]").value.toLowerCase().split(/\s+/);
    const severities = new Set([...filters.querySelectorAll("[type=checkbox]:checked")].map((box) => box.value));
    const revision = field("revision");
    const transport = field("transport");
    let shown = 0;
    for (const { row, severity, places, text } of rows) {
      const visible = severities.has(severity)
        && words.every((word) => text.includes(word))
        && places.some(([at, over]) => (!revision || at === revision) && (!transport || over === transport));
      row.hidden = !visible;
      shown += visible;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
    document.querySelector(".nothing").hidden = shown > 0;
  };
  filters.addEventListener("input", update);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = false;
  update();
}
