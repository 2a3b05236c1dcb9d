// What is wider than its place scrolls sideways, can be reached by the keyboard, and says so in a line above it.
const SCROLLERS = ".wide, .pst-scrollable-table-container, div.math, .bd-article div.cell_output, .bd-article figure";

function tellScrolling(box) {
  const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "auto";
  const cue = box.previousElementSibling?.classList.contains("scroll-cue") ? box.previousElementSibling : null;
  box.classList.toggle("scrolls", scrolls);
  if (scrolls && !cue) {
    const line = document.createElement("p");
    line.className = "scroll-cue";
    line.textContent = "Scroll sideways to see all →";
    box.before(line);
  } else if (!scrolls && cue) cue.remove();
  if (scrolls || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

window.addEventListener("load", async () => {
  const boxes = document.querySelectorAll(SCROLLERS);
  const observer = new ResizeObserver(entries => entries.forEach(entry => tellScrolling(entry.target)));
  boxes.forEach(box => observer.observe(box));
  await window.MathJax?.startup?.promise; // an equation that is set late changes no box's size
  boxes.forEach(tellScrolling);
});

// The list of pages shows the current one, wherever the theme left it scrolled on the page before.
window.addEventListener("load", () => {
  document.querySelector(".bd-sidebar-primary .current.active")?.scrollIntoView({block: "nearest"});
});
