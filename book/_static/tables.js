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

// Groups of rows, each with a heading, become one list with a hidden column of headings: sorting keeps them together.
function groups(table) {
  const [list, ...others] = table.tBodies;
  if (!table.querySelector("th[scope=rowgroup]")) return {};
  table.tHead.rows[0].prepend(Object.assign(document.createElement("th"), {scope: "col"}));
  [list, ...others].forEach((body, number) => {
    const [heading, ...rows] = body.rows;
    for (const row of rows) {
      const cell = row.insertCell(0);
      cell.textContent = heading.textContent;
      cell.dataset.order = number;
      list.append(row);
    }
    heading.remove();
  });
  others.forEach(body => body.remove());
  return {
    columnDefs: [{targets: 0, visible: false}],
    orderFixed: {pre: [[0, "asc"]]},
    rowGroup: {dataSrc: row => row[0].display ?? row[0]},
  };
}

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("tbody td").forEach(giveOrder);
    const plain = {paging: false, searching: false, info: false, order: [], autoWidth: false};
    new DataTable(table, {...plain, ...groups(table)});
  }
});
