// Light or dark, as chosen here or else as the system has it.
const scheme = document.querySelector(".scheme");
if (scheme) {
  const root = document.documentElement;
  const kept = (value) => {
    try { return value ? localStorage.setItem("touchstone-scheme", value) : localStorage.getItem("touchstone-scheme"); } catch { return null; }
  };
  const dark = () => (root.dataset.scheme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => scheme.setAttribute("aria-pressed", String(dark()));
  if (kept()) root.dataset.scheme = kept();
  scheme.addEventListener("click", () => {
    root.dataset.scheme = dark() ? "light" : "dark";
    kept(root.dataset.scheme);
    show();
  });
  scheme.hidden = false;
  show();
}
