// A table that a notebook marks as sortable is sorted by a click on its header; without this it is a plain table.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    new DataTable(table, {paging: false, searching: false, info: false, order: [], autoWidth: false});
  }
});
