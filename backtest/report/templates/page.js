"use strict";
// What a reader can do with a page that is whole without this: sort, filter and save its tables, ask what a figure means,
// and move through time.
(() => {
  const make = (tag, properties = {}, ...inner) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...inner);
    return element;
  };
  const said = cell => (cell.querySelector("bdi") || cell).textContent.trim();
  const number = cell => {
    const plain = said(cell).replace("−", "-").replace(/[,%×]/g, "");
    return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : null;
  };
  const rowsOf = body => [...body.rows].filter(row => !row.classList.contains("group"));

  const sort = (table, column, header) => {
    const falling = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const compare = (a, b) => {
      const [one, other] = [number(a.cells[column]), number(b.cells[column])];
      if (one !== null && other !== null) return falling ? other - one : one - other;
      if (one !== null || other !== null) return one === null ? 1 : -1; // what is no number stands last, either way
      return said(a.cells[column]).localeCompare(said(b.cells[column])) * (falling ? -1 : 1);
    };
    for (const body of table.tBodies) body.append(...rowsOf(body).sort(compare));
  };

  const csv = table => {
    const field = text => {
      const safe = /^[=+@\t-]/.test(text) && !Number.isFinite(Number(text.replace(/[,%×]/g, ""))) ? `'${text}` : text;
      return `"${safe.replaceAll('"', '""')}"`;
    };
    const whole = cell => (cell.querySelector("button") || cell).innerText.replace(/\s+/g, " ").replaceAll("−", "-").trim();
    const head = [...table.tHead.rows].at(-1);
    const lines = [["group", ...[...head.cells].map(whole)]];
    for (const body of table.tBodies) {
      const group = body.querySelector("tr.group");
      for (const row of rowsOf(body)) lines.push([group ? whole(group) : "", ...[...row.cells].map(whole)]);
    }
    return lines.map(line => line.map(field).join(",")).join("\r\n") + "\r\n";
  };

  const save = (table, name) => {
    const address = URL.createObjectURL(new Blob(["\ufeff" + csv(table)], { type: "text/csv" }));
    const link = make("a", { href: address, download: `${name}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };

  const tools = (table, place) => {
    const title = table.caption.textContent.trim();
    const rows = [...table.tBodies].flatMap(rowsOf);
    if (rows.length < 2) return;
    const head = [...table.tHead.rows].at(-1);
    [...head.cells].forEach((header, column) => {
      const button = make("button", { type: "button", className: "sort" }, ...header.childNodes);
      button.addEventListener("click", () => sort(table, column, header));
      header.append(button);
    });
    const bar = make("p", { className: "tools" });
    if (rows.length >= 10) {
      const count = make("output");
      const filter = make("input", { type: "search", placeholder: "Filter rows", ariaLabel: `Filter rows: ${title}` });
      filter.addEventListener("input", () => {
        const wanted = filter.value.trim().toLowerCase();
        for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
        count.value = wanted ? `${rows.filter(row => !row.hidden).length} of ${rows.length}` : "";
      });
      bar.append(filter, " ", count, " ");
    }
    const button = make("button", { type: "button", ariaLabel: `Save as CSV: ${title}` }, "CSV");
    button.addEventListener("click", () => save(table, title.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60)));
    bar.append(button);
    place.before(bar);
  };

  // The table has a row per spell: what, since when, and what was known. A day shows the last spell that had begun.
  const slider = (table, place, moments) => {
    const shown = make("output", { className: "moment" });
    const range = make("input", { type: "range", min: 0, max: moments.length - 1, step: 1, value: moments.length - 1 });
    const bodies = [...table.tBodies].map(body => {
      const spells = new Map();
      for (const row of rowsOf(body)) {
        const [name, since, known] = [...row.cells].map(said);
        spells.set(name, [...(spells.get(name) || []), { since, known }]);
      }
      const lines = [...spells].map(([name, held]) => {
        const line = make("tr", {}, make("th", { scope: "row" }, name), make("td"), make("td"));
        return { line, held };
      });
      const group = body.querySelector("tr.group")?.cloneNode(true);
      return { lines, element: make("tbody", {}, ...(group ? [group] : []), ...lines.map(one => one.line)) };
    });
    const columns = [...[...table.tHead.rows].at(-1).cells].map(cell => make("th", { scope: "col" }, cell.textContent));
    const caption = make("caption", {}, make("span", {}, "What was known at the end of that day, and since when it had been so."));
    const now = make("table", { className: "then" }, caption, make("thead", {}, make("tr", {}, ...columns)), ...bodies.map(b => b.element));
    const show = () => {
      const day = moments[Number(range.value)];
      shown.value = day;
      range.setAttribute("aria-valuetext", day);
      for (const { line, held } of bodies.flatMap(body => body.lines)) {
        const spell = held.filter(one => one.since <= day).at(-1) || { since: "—", known: "—" };
        line.cells[1].textContent = spell.since;
        line.cells[2].textContent = spell.known;
        line.classList.toggle("fresh", spell.since === day && day !== moments[0]);
      }
    };
    range.addEventListener("input", show);
    const label = make("label", { className: "slider" }, "As known on ", shown, range);
    place.before(label, make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "As known on a day" }, now));
    show();
  };

  // What a figure means: its column's definition, its unit, and where its row or table comes from.
  const tip = make("div", { id: "tip", role: "tooltip", hidden: true });
  let told = null;
  let waiting = 0;
  const hide = () => {
    clearTimeout(waiting);
    tip.hidden = true;
    told?.removeAttribute("aria-describedby");
    told = null;
  };
  const tell = cell => {
    const table = cell.closest("table");
    const row = cell.parentNode;
    const head = [...table.tHead.rows].at(-1).cells[cell.cellIndex];
    const defined = row.matches(".group") ? null : document.getElementById(head?.dataset.term || "");
    const about = row.parentNode === table.tHead ? "" : row.cells[0].dataset.about || table.dataset.about || "";
    hide();
    if (!defined && !about) return;
    const [name, text, unit] = defined ? [...defined.parentNode.cells].map(said) : [];
    const lines = defined ? [make("strong", {}, name), make("p", {}, text), make("p", {}, `Unit: ${unit}.`)] : [];
    tip.replaceChildren(...lines, ...(about ? [make("p", {}, about)] : []));
    tip.hidden = false;
    const [at, size] = [cell.getBoundingClientRect(), tip.getBoundingClientRect()];
    const below = at.bottom + 4 + size.height <= innerHeight ? at.bottom + 4 : Math.max(4, at.top - 4 - size.height);
    tip.style.top = `${below}px`;
    tip.style.left = `${Math.max(4, Math.min(at.left, document.documentElement.clientWidth - size.width - 4))}px`;
    cell.setAttribute("aria-describedby", "tip");
    told = cell;
  };
  const cellOf = target => target.closest?.("main td, main tbody th, main thead tr:last-child th");
  const explained = () => {
    if (!document.getElementById("terms")) return;
    document.body.append(tip);
    document.addEventListener("pointerover", event => {
      if (event.pointerType !== "mouse" || event.target.closest("#tip")) return;
      const cell = cellOf(event.target);
      clearTimeout(waiting);
      if (cell && cell !== told) waiting = setTimeout(tell, 200, cell);
      else if (!cell) hide();
    });
    document.addEventListener("click", event => {
      const cell = cellOf(event.target);
      if (cell && !event.target.closest("a, button, summary")) tell(cell);
      else if (!event.target.closest("#tip")) hide();
    });
    document.addEventListener("focusin", event => (cellOf(event.target) ? tell(cellOf(event.target)) : hide()));
    document.addEventListener("scroll", () => told && hide(), { capture: true, passive: true });
    document.addEventListener("keydown", event => event.key === "Escape" && hide());
  };
  // Enter goes into a table, arrows go from cell to cell, Escape goes back.
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const walk = (box, table) => box.addEventListener("keydown", event => {
    const cell = event.target.matches("td, th") ? event.target : null;
    const rows = [...table.tBodies].flatMap(rowsOf).filter(row => !row.hidden);
    const step = cell && steps[event.key];
    if (event.key === "Escape" && cell) box.focus();
    const next = step
      ? rows[rows.indexOf(cell.parentNode) + step[0]]?.cells[cell.cellIndex + step[1]]
      : event.key === "Enter" && event.target === box ? rows[0]?.cells[0] : null;
    if (!next) return;
    event.preventDefault();
    next.tabIndex = -1;
    next.focus();
  });

  // The page says the last day of a return; how many days ago that is, only who opens it knows.
  for (const last of document.querySelectorAll("time[datetime]")) {
    const days = Math.floor((Date.now() - Date.parse(last.dateTime)) / 864e5);
    const age = `(${days.toLocaleString("en")} ${days === 1 ? "day" : "days"} ago)`;
    if (days >= 0) last.after(" ", make("span", { className: "age", textContent: age }));
  }

  // The contents mark where one is, and a link opens what it leads to, however deep it is folded.
  const links = [...document.querySelectorAll("nav a")];
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target?.scrollIntoView();
  };
  const topOf = link => document.getElementById(link.hash.slice(1))?.getBoundingClientRect().top ?? Infinity;
  const mark = () => {
    const shown = links.filter(link => document.getElementById(link.hash.slice(1))?.checkVisibility());
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2; // what was asked for cannot rise further
    const asked = shown.find(link => atEnd && link.hash === location.hash && topOf(link) > 0 && topOf(link) < innerHeight);
    for (const link of links) link.removeAttribute("aria-current");
    (asked || shown.filter(link => topOf(link) < 100).at(-1) || links[0])?.setAttribute("aria-current", "location");
  };
  const contents = () => {
    const menu = document.querySelector("nav .menu");
    if (!menu) return;
    addEventListener("hashchange", reveal);
    document.addEventListener("click", event => {
      const link = event.target.closest("a[href^='#']");
      if (link && link.hash === location.hash) reveal();
      if (link?.closest("nav")) menu.open = false;
    });
    document.addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
    reveal();
    mark();
  };

  contents();
  explained();
  for (const box of document.querySelectorAll("div.scroll")) {
    const table = box.querySelector("table");
    if (!table) continue;
    if (box.dataset.slider) slider(table, box, box.dataset.slider.split(" "));
    tools(table, box);
    walk(box, table);
  }
})();
