// What a page does beyond being read: everything is there without it.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  // The theme: the system's, or one chosen here.
  const theme = one("theme");
  const themes = ["auto", "light", "dark"];
  const remembered = (value) => {
    try {
      if (value !== undefined) localStorage.setItem("msgcheck-theme", value);
      return localStorage.getItem("msgcheck-theme");
    } catch { return null; } // a page from disk may have no storage
  };
  const setTheme = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    one("theme-name").textContent = name;
    theme.value = name;
    document.dispatchEvent(new Event("theme"));
  };
  theme.hidden = false;
  setTheme(themes.includes(remembered()) ? remembered() : "auto");
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme.value) + 1) % themes.length];
    remembered(next);
    setTheme(next);
  });

  // Copying a command.
  for (const button of all(".copy")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // Search and filters: scenarios, their failures, the requirements, and the matrix follow.
  const search = one("search");
  const chips = all(".chip[data-verdict]");
  if (search) {
    // What a node is found by: what another node says, a card's head, or all that it says itself.
    const said = ({ dataset: { words } }) => words && one(words);
    const found = all(".find").map((node) => ({
      node,
      text: (said(node) ?? (node.matches(".card") ? node.querySelector("summary") : node)).textContent.toLowerCase(),
    }));
    const rows = all("tr.find");
    const cells = all(".cell").map((node) => ({ node, text: `${node.textContent} ${node.title}`.toLowerCase() }));
    const refresh = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.verdict);
      const fits = (text) => words.every((word) => text.includes(word));
      for (const { node, text } of found) {
        const judged = !wanted.length || wanted.includes(node.dataset.verdict);
        node.hidden = !judged || !fits(text);
      }
      for (const { node, text } of cells) node.classList.toggle("dim", !fits(text));
      const shown = rows.filter((row) => !row.hidden).length;
      one("shown").textContent = words.length || wanted.length ? `${shown} of ${rows.length} ${search.dataset.noun} shown` : "";
    };
    const clear = () => {
      search.value = "";
      for (const chip of chips) chip.ariaPressed = "false";
      refresh();
    };
    search.closest(".tools").hidden = false;
    search.addEventListener("input", refresh);
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        chip.ariaPressed = String(chip.ariaPressed !== "true");
        refresh();
      });
    }
    one("by-time")?.addEventListener("click", ({ currentTarget: button }) => {
      const slow = button.ariaPressed !== "true";
      button.ariaPressed = String(slow);
      const seconds = (row) => Number(row.lastElementChild.textContent || -1);
      const order = slow ? [...rows].sort((a, b) => seconds(b) - seconds(a)) : rows;
      one("all").tBodies[0].append(...order);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(input|textarea)$/i.test(event.target.tagName)) {
        event.preventDefault();
        search.focus();
      } else if (event.key === "Escape" && event.target === search) clear();
    });
    document.addEventListener("reveal", clear);
  }

  // A link into something folded or filtered away unfolds it.
  const reveal = () => {
    const goal = one(decodeURIComponent(location.hash.slice(1)));
    if (!goal) return;
    if (goal.closest("[hidden]")) document.dispatchEvent(new Event("reveal"));
    for (let node = goal; node; node = node.parentElement) if (node.matches("details")) node.open = true;
    goal.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  if (location.hash) reveal();
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });

  // Frames: laid out when they are looked at; shown beside the diagram under the pointer or the focus.
  const pretty = (text) => {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
  };
  for (const scene of all(".scene")) {
    const panel = scene.querySelector(".frame");
    panel.hidden = false;
    const show = (event) => {
      const entry = event.target.closest?.(".ev");
      if (!entry) return;
      const title = document.createElement("h5");
      const label = entry.querySelector(".lb");
      title.textContent = label.title || label.textContent;
      const content = document.createElement("pre");
      content.textContent = pretty(entry.querySelector("pre")?.textContent ?? "");
      panel.replaceChildren(title, content);
    };
    scene.addEventListener("mouseover", show);
    scene.addEventListener("focusin", show);
    scene.addEventListener("toggle", ({ target }) => {
      const content = target.matches(".ev") && target.querySelector("pre");
      if (content) content.textContent = pretty(content.textContent);
    }, true);
    scene.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !event.target.matches("summary")) return;
      const rows = all("summary", scene).filter((row) => row.offsetParent);
      const next = rows[rows.indexOf(event.target) + step];
      if (next) { event.preventDefault(); next.focus(); }
    });
  }

  // On paper nothing that failed stays folded.
  window.addEventListener("beforeprint", () => { for (const each of all(".card, .rest")) each.open = true; });
})();
