// Values are read off a chart by pointing at it, or with the arrow keys.
for (const chart of document.querySelectorAll("svg.chart")) {
  const cross = chart.querySelector(".cross");
  const readout = chart.parentElement.querySelector(".readout");
  const hits = [...chart.querySelectorAll(".hit")];
  let at = -1;
  const read = (hit) => {
    if (!hit) return;
    at = hits.indexOf(hit);
    cross.setAttribute("x1", hit.dataset.x);
    cross.setAttribute("x2", hit.dataset.x);
    cross.removeAttribute("hidden");
    readout.textContent = hit.textContent;
  };
  chart.addEventListener("pointermove", (event) => read(event.target.closest(".hit")));
  chart.tabIndex = 0;
  chart.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: hits.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read(hits[Math.max(0, Math.min(to, hits.length - 1))]);
  });
  const leave = () => {
    cross.setAttribute("hidden", "");
    readout.textContent = "";
  };
  chart.addEventListener("pointerleave", leave);
  chart.addEventListener("blur", leave);
}
