// A table that a notebook marks as sortable is sorted by a click on its header; without this it is a plain table.
// A cell is sorted by its data-order where the notebook gives one; a value with its interval, "−19.4 % [−23.5, ...]",
// by the value (the space before % is one that does not break); a missing value comes before every number (as a word it
// would make its column one of words).
const MISSING = ["nan", "None", "–"];

function giveOrder(cell) {
  const said = cell.dataset.order ?? cell.textContent.trim();
  const interval = /^([+−-]?[\d.]+)(?:\s%)?\s\[/.exec(said);
  if (MISSING.includes(said)) cell.dataset.order = "";
  else if (interval) cell.dataset.order = Number(interval[1].replace("−", "-"));
}

// The first data-groups columns become headings of groups of rows; sorting keeps the groups together.
function groups(table) {
  const places = [...Array(Number(table.dataset.groups ?? 0)).keys()];
  if (!places.length) return {};
  const shown = cell => cell.display ?? cell;
  return {
    columnDefs: [{targets: places, visible: false}],
    orderFixed: {pre: places.map(place => [place, "asc"])},
    rowGroup: {dataSrc: row => places.map(place => shown(row[place])).join(" · ")},
  };
}

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("tbody td").forEach(giveOrder);
    const plain = {paging: false, searching: false, info: false, order: [], autoWidth: false};
    new DataTable(table, {...plain, ...groups(table)});
  }
});
