// The heat map: arrow keys move among its cells, and the killers of a cell stand below it.
"use strict";
(() => {
  const table = document.getElementById("heat");
  const beside = document.getElementById("beside");
  const cells = [...table.querySelectorAll("td > a")];
  // One stop for the Tab key; the arrows do the rest.
  for (const [at, cell] of cells.entries()) cell.tabIndex = at ? -1 : 0;

  const show = (event) => {
    const cell = event.target.closest?.("td > a");
    if (!cell) return;
    const card = document.getElementById(cell.hash.slice(1));
    const title = document.createElement("b");
    title.textContent = `${card.querySelector("summary .name").textContent}, caught in ${cell.dataset.area} by ${cell.textContent}`;
    const kills = document.createElement("ul");
    kills.className = "kills";
    for (const kill of card.querySelectorAll(".kills > li")) {
      if (kill.dataset.area === cell.dataset.area) kills.append(kill.cloneNode(true));
    }
    const more = Number(cell.textContent) - kills.children.length;
    if (more) kills.append(Object.assign(document.createElement("li"), { textContent: `and ${more} more, in mutants.json` }));
    beside.replaceChildren(title, kills);
    beside.hidden = false;
    beside.scrollTop = 0;
  };
  table.addEventListener("mouseover", show);
  table.addEventListener("focusin", show);

  // The nearest cell with something in it, in the direction of an arrow.
  const next = (cell, down, right) => {
    const row = cell.closest("tr");
    const column = cell.parentElement.cellIndex;
    const shown = [...table.querySelectorAll("tr.find:not([hidden])")].filter((each) => each.querySelector("td > a"));
    if (right) {
      const inRow = [...row.querySelectorAll("td > a")];
      return inRow[inRow.indexOf(cell) + right];
    }
    const goal = shown[shown.indexOf(row) + down];
    const inGoal = [...(goal?.querySelectorAll("td > a") ?? [])];
    const far = (each) => Math.abs(each.parentElement.cellIndex - column);
    return inGoal.sort((a, b) => far(a) - far(b))[0];
  };
  const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
  table.addEventListener("keydown", (event) => {
    const goal = event.target.matches("td > a") && event.key in moves && next(event.target, ...moves[event.key]);
    if (!goal) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    goal.tabIndex = 0;
    goal.focus();
  });
  // What is filtered away cannot be the stop.
  document.addEventListener("input", restop);
  document.addEventListener("click", restop);
  function restop() {
    const stop = cells.find((cell) => cell.tabIndex === 0);
    if (!stop?.closest("[hidden]")) return;
    stop.tabIndex = -1;
    const first = cells.find((cell) => !cell.closest("[hidden]"));
    if (first) first.tabIndex = 0;
  }
})();
