"use strict";
// Sorts a table by the column whose heading is pressed: falling, rising, as it was. A cell's data-v is its value.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const after = before === null ? "descending" : before === "descending" ? "ascending" : null;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (after === null) { body.append(...rows); return; }
      head.setAttribute("aria-sort", after);
      const value = (row) => { const cell = row.cells[column]; return cell.dataset.v ?? cell.textContent.trim(); };
      const blank = (text) => text === "" || text === "–";
      const sign = after === "ascending" ? 1 : -1;
      body.append(...[...rows].sort((one, other) => {
        const a = value(one), b = value(other);
        if (blank(a) || blank(b)) return blank(a) - blank(b);
        const difference = Number(a) - Number(b);
        return sign * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
      }));
    });
  });
}
