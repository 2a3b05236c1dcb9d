// A table that a notebook marks as sortable is sorted by a click on its header; without this it is a plain table.
// A cell is sorted by its data-order where the notebook gives one; a value with its interval, "+19.4 % [-3.5 %, ...]",
// by the value (the space before % is one that does not break); a missing value comes before every number (as a word it
// would make its column one of words).
const MISSING = ["nan", "None", "–"];

function giveOrder(cell) {
  const said = cell.dataset.order ?? cell.textContent.trim();
  const interval = /^([+-]?[\d.]+)(?:\s%)?\s\[/.exec(said);
  if (MISSING.includes(said)) cell.dataset.order = "";
  else if (interval) cell.dataset.order = Number(interval[1]);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("tbody td").forEach(giveOrder);
    new DataTable(table, {paging: false, searching: false, info: false, order: [], autoWidth: false});
  }
});
