// What a reader can do with a chart through time, which is whole without this: read every series on a day, zoom, hide a series,
// change the scale. The drawing stays as it is while the view is its own; another view is drawn over it from the chart's data.
(() => {
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const HELP = "Left and right go from day to day, with Shift by 20; plus and minus zoom; Home or Escape shows the whole again.";
  const [LEAST_DAYS, DRAG, DOUBLE, NEAR] = [7, 6, 400, 5]; // of a zoom; pixels; milliseconds between two taps; pixels
  const safe = text => text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`);
  const iso = day => new Date(day * 864e5).toISOString().slice(0, 10);
  const written = (value, percent, digits = 1) => !Number.isFinite(value) ? "—" : (percent ? `${(value * 100).toFixed(digits)}%`
    : value.toLocaleString("en", { maximumSignificantDigits: 4 })).replace("-", "−");
  const before = (days, day) => days.findLastIndex(at => at <= day);
  // Data, as charts/encoding.py writes it: letters of five bits; days as runs and jumps; values as steps between multiples of a unit.
  const integers = text => (text.match(/[g-z0-9+/]*[A-Za-f]/g) || []).map(word => [...word].reduceRight((sum, letter) =>
    sum * 32 + (LETTERS.indexOf(letter) & 31), 0)).map(bits => (bits & 1 ? -(bits >> 1) : bits >> 1));
  const sums = (steps, at = 0) => steps.map(step => (at += step));
  const daysOf = ([week, first, ...pairs]) => sums([first, ...pairs.flatMap((step, n) => (n % 2 ? [step] : Array(step).fill(1)))])
    .map(day => Math.floor(day / week) * 7 + (day % week) - 3);
  const series = (line, days) => {
    const [values, low, high] = [line.values, line.low, line.high].map(text => text
      && sums(integers(text)).map(n => (line.log ? Math.exp(n * line.unit) : n * line.unit)));
    for (const row of line.missing || []) values[row] = NaN;
    const from = low || (line.fill ? values.map(() => 0) : values);
    return { ...line, days: daysOf(integers(days[line.days])), values, from, to: high || values };
  };
  // Ticks: round numbers, and firsts of a month or days with their names, at most so many.
  const even = (low, high, most) => {
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = power * [1, 2, 5, 10].find(times => times * power * most >= high - low);
    return Array.from({ length: most + 1 }, (_, n) => (Math.ceil(low / step) + n) * step).filter(value => value <= high);
  };
  const decades = Array.from({ length: 57 }, (_, n) => [1, 2, 5][n % 3] * 10 ** (Math.floor(n / 3) - 9));
  const rungs = (low, high) => (high / low < 5 ? even(low, high, 6) : decades.filter(value => value >= low && value <= high));
  const calendar = (from, to, most) => {
    if (to - from < 100) return even(from, to, most).map(day => [day, iso(day).slice(5)]);
    const step = [1, 2, 3, 6, 12, 24, 60].find(months => months * 30 * most >= to - from) || 120;
    const firsts = Array.from({ length: 1200 / step }, (_, n) => Date.UTC(1970, n * step) / 864e5);
    return firsts.filter(day => day >= from && day <= to).map(day => [day, iso(day).slice(0, step < 12 ? 7 : 4)]);
  };
  const interactive = (wide, group) => {
    const [figure, data, hidden] = [wide.parentNode, JSON.parse(wide.dataset.chart), new Set()];
    const drawings = [wide, figure.querySelector("svg.narrow")].map(svg => ({ svg, boxes: JSON.parse(svg.dataset.chart).boxes }));
    let [linear, lines, moments, view, start, tapped] = [false, null, null, null, null, 0];
    const look = () => { // which drawing is shown, and where days and values are on it
      lines ??= data.series.map(line => series(line, data.days));
      moments ??= [...new Set(lines.flatMap(line => line.days))].sort((a, b) => a - b);
      const { svg, boxes } = drawings[Number(getComputedStyle(wide).display === "none")];
      const [[from, to], [left, , width], moved] = [group.span || data.span, boxes[0], Boolean(group.span || hidden.size || linear)];
      const seen = lines.filter(line => !hidden.has(line.name));
      const rows = line => [Math.max(0, before(line.days, from)), before(line.days, to) + 2];
      const axes = data.panels.map((panel, n) => {
        const [own, log, [, top, , height]] = [seen.filter(line => line.panel === n), panel.log && !linear, boxes[n]];
        const [on, off] = log ? [Math.log, Math.exp] : [value => value, value => value];
        const values = own.flatMap(line => [line.from, line.to].flatMap(all => all.slice(...rows(line)))).filter(Number.isFinite).map(on);
        const [least, most] = moved && values.length ? [Math.min(...values), Math.max(...values)] : panel.range.map(on);
        const edge = moved && values.length ? (most - least || 1) * 0.05 : 0;
        const [low, high] = [panel.log && linear && !group.span ? 0 : least && least - edge, most && most + edge];
        return { ...panel, own, log, low: off(low), high: off(high), y: value => top + (height * (high - on(value))) / (high - low) };
      });
      const x = day => left + ((day - from) / (to - from)) * width;
      view = { svg, boxes, from, to, left, width, seen, moved, rows, axes, x, top: boxes[0][1], bottom: boxes.at(-1)[1] + boxes.at(-1)[3] };
    };
    const paths = (line, y) => {
      const [days, middle, upper, lower] = [line.days, line.values, line.to, line.from].map(all => all.slice(...view.rows(line)));
      const points = values => values.map((value, n) => [view.x(days[n]).toFixed(1), y(value).toFixed(1)]);
      const through = values => points(values).map(([x, at], n) => (at === "NaN" ? ""
        : n === 0 || Number.isNaN(values[n - 1]) ? `M${x} ${at}` : line.kind ? `H${x}V${at}` : `L${x} ${at}`)).join("");
      const back = points(lower).reverse().map(([x, at]) => (line.kind ? `V${at}H${x}` : `L${x} ${at}`)).join("");
      return (line.fill ? `<path class="filled" d="${through(upper)}${back}Z"/>` : "")
        + (line.width ? `<path class="through" d="${through(middle)}"/>` : "")
        + (line.dots ? `<path class="dots" d="${points(middle).map(([x, at]) => `M${x} ${at}h0`).join("")}"/>` : "");
    };
    const over = () => { // the drawing of another view
      const [{ svg, boxes, from, to, left, width, x }, font, most] = [view, ...(view.svg === wide ? [10.5, 9] : [9, 4])];
      const text = (at, y, words, anchor = "middle") => `<text x="${at}" y="${y}" text-anchor="${anchor}">${safe(words)}</text>`;
      const rule = (at, y, step, kind) => `<path class="${kind}" d="M${at} ${y}${step}"/>`;
      return view.axes.flatMap(({ title, percent, own, log, low, high, y, range }, n) => {
        const [[, top, , height], clip] = [boxes[n], `${svg.id}-clip-${n}`];
        const area = (a, b, shade) => `<path style="fill: var(--${shade})" d="M${a} ${top}H${b}v${height}H${a}z"/>`;
        const spans = data.spans.map(([a, b, ...named]) => [x(Math.max(a, from)), x(Math.min(b, to)), ...named]).filter(([a, b]) => a < b);
        return [
          `<clipPath id="${clip}">${area(left, left + width)}</clipPath><g font-size="${font}">`,
          ...spans.map(([a, b, shade, name]) => area(a, b, shade)
            + (n || b - a < name.length * font * 0.6 ? "" : text((a + b) / 2, top - 4, name))),
          ...(log ? rungs(low, high) : even(low, high, height > 100 ? 6 : 4)).map(v => text(left - 6, y(v) + font / 3, written(v, percent,
            high - low < 0.04 ? 1 : 0), "end") + rule(left, y(v), `h${width}`, v || range[0] >= 0 ? "grid" : "muted")),
          ...calendar(from, to, most).map(([day, name]) => rule(x(day), top + height, "v3", "muted")
            + (n < boxes.length - 1 ? "" : text(x(day), top + height + 6 + font, name))),
          ...own.map(line => `<g data-name="${safe(line.name)}" clip-path="url(#${clip})" style="--ink: var(--${line.colour});
            --width: ${line.width}; --dash: ${line.dash || 0}; --fill: ${line.fill}; --dot: ${line.width ? 4 : 7}">${paths(line, y)}</g>`),
          ...[[data.written, "thesis", height], ...(n ? [] : data.events.map(([day]) => [day, "event", 10]))]
            .filter(([day]) => day > from && day < to).map(([day, kind, long]) => rule(x(day), top, `v${long}`, kind)),
          rule(left, top, `v${height}h${width}`, "muted"),
          text(left, top - (n ? 4 : 2 * font + 13), linear ? title.replace("log scale", "linear scale") : title, "start"), "</g>",
        ];
      }).join("");
    };
    const put = (layer, drawn) => { view.svg.querySelector(`:scope > .${layer}`).innerHTML = drawn; };
    const draw = () => {
      look();
      drawings.forEach(({ svg }) => svg.classList.toggle("moved", view.moved));
      put("over", view.moved ? over() : "");
      for (const key of [...bar.children].slice(0, -1)) key.ariaPressed = named[key.value] ? !hidden.has(named[key.value].name) : linear;
      bar.lastChild.hidden = !view.moved;
    };
    const point = (day, own, aloud) => { // a line through every panel at a day, and in the reader's own chart what was there
      if (view === null) look();
      const { x, axes, from, to, top, bottom, seen, svg } = view;
      const shown = day !== null && day >= from && day <= to;
      tip.hidden = !(shown && own);
      const rows = seen.map(line => [line, before(line.days, day)]).filter(([line, row]) => row >= 0
        && (line.kind || row < line.days.length - 1 || line.days[row] === day) && (line.kind !== "stack" || line.values[row] > 0));
      const dots = rows.filter(([line, row]) => Number.isFinite(line.values[row])).map(([line, row]) => `<circle r="3.5"
        cx="${x(line.dots ? line.days[row] : day)}" cy="${axes[line.panel].y((line.kind === "stack" ? line.to : line.values)[row])}"
        fill="var(--${line.colour})"/>`);
      put("cross", shown ? `<path d="M${x(day)} ${top}V${bottom}"/>${dots.join("")}` : "");
      if (tip.hidden) return;
      const late = ({ dots, days }, row) => (dots && days[row] !== day ? ` (${iso(days[row])})` : "");
      const readings = [...Map.groupBy(rows, ([{ name }]) => name).values()].map(own => `<span>${swatch(own[0][0])}${safe(own[0][0].name)}
        ${late(...own[0])}</span> <b>${own.map(([line, row]) => written(line.values[row], axes[line.panel].percent)).join(" · ")}</b>`);
      tip.ariaLive = aloud ? "polite" : "off";
      const notes = [...data.spans.filter(span => day >= span[0] && day <= span[1]).map(span => span[3]),
        ...data.events.filter(([on]) => on === day).map(([, name]) => name)].map(note => `<em>${safe(note)}</em>`).join("");
      tip.innerHTML = `<strong>${new Date(day * 864e5).toUTCString().slice(0, 3)} ${iso(day)}</strong>${notes}<p>${readings.join("")}</p>`;
      tip.style.left = `${(100 * x(day)) / svg.viewBox.baseVal.width}%`;
      tip.classList.toggle("before", parseFloat(tip.style.left) > 50);
    };
    const zoom = (a, b) => {
      const [[first, last], days] = [data.span, Math.abs(b - a)];
      const from = Math.max(first, Math.min(a, b, last - days));
      if (days >= LEAST_DAYS) group.span = days < last - first ? [from, from + days] : null;
      group.draw();
    };
    const reset = () => { hidden.clear(); linear = false; group.span = null; group.draw(); };
    const press = event => {
      look();
      const days = moments.filter(day => day >= view.from && day <= view.to);
      const at = group.day ?? days[days.length >> 1];
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] * (event.shiftKey ? 20 : 1);
      const half = { "+": 0.25, "=": 0.25, "-": 1, _: 1 }[event.key] * (view.to - view.from);
      if (event.ctrlKey || event.metaKey || event.altKey || !(step || half || ["Home", "Escape"].includes(event.key))) return;
      event.preventDefault();
      if (step) return group.point(days[Math.min(days.length - 1, Math.max(0, before(days, at) + step))], figure, true);
      if (half) group.point(at, figure, zoom(at - half, at + half)); else reset();
    };
    const where = event => { // pixels of the drawing, and the day there
      if (view === null) look();
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(view.svg.getScreenCTM().inverse());
      return [x, y, Math.min(view.to, Math.max(view.from, view.from + ((x - view.left) / view.width) * (view.to - view.from)))];
    };
    const tell = ([x, y, day]) => {
      const event = y < view.top + 24 && data.events.find(([on]) => Math.abs(view.x(on) - x) < NEAR);
      group.point(event ? event[0] : moments.reduce((best, at) => (Math.abs(at - day) < Math.abs(best - day) ? at : best)), figure);
    };
    const mark = (a, b) => put("chosen", Math.abs(b - a) > DRAG ? `<path d="M${a} ${view.top}H${b}V${view.bottom}H${a}z"/>` : "");
    const listeners = { // a drag zooms, a tap or a hover tells, two taps reset
      keydown: press, blur: () => group.point(null), pointercancel: () => { start = null; mark(0, 0); },
      pointerdown: event => { start = event.button ? null : where(event); view.svg.setPointerCapture(event.pointerId); },
      pointermove: event => {
        if (event.pointerType === "mouse" || start) tell(where(event));
        if (start) mark(start[0], where(event)[0]);
      },
      pointerup: event => {
        const [at, begun] = [where(event), start];
        listeners.pointercancel();
        if (begun && Math.abs(at[0] - begun[0]) > DRAG) return zoom(at[2], begun[2]);
        if (event.timeStamp - tapped < DOUBLE) reset();
        tapped = event.timeStamp;
        tell(at);
      },
      pointerleave: event => { if (event.pointerType === "mouse" && !start) group.point(null); },
    };
    const swatch = ({ colour, dash, fill, width }) =>
      `<i style="border-top: ${width || 6}px ${dash ? "dashed" : "solid"} var(--${colour}); opacity: ${width ? 1 : fill || 1}"></i>`;
    const key = (value, inner, more = "") => `<button type="button" value="${value}"${more}>${inner}</button>`;
    const named = [...new Map(data.series.map(line => [line.name, line])).values()]; // a name may have a series on each panel
    const keys = named.map((line, n) => key(n, swatch(line) + safe(line.name))).slice(named.length > 1 ? 0 : 1);
    if (data.panels.some(panel => panel.log)) keys.push(key("scale", "linear scale"));
    figure.querySelector("figcaption").insertAdjacentHTML("beforebegin",
      `<p class="keys">${keys.join("")}${key("whole", "show the whole", " hidden")}</p><div class="reading" hidden></div>`);
    const [bar, tip] = figure.querySelectorAll(".keys, .reading");
    bar.addEventListener("click", event => {
      const value = event.target.closest("button")?.value;
      if (value === "scale") linear = !linear; else if (named[value]) hidden.delete(named[value].name) || hidden.add(named[value].name);
      if (value === "whole") reset(); else group.draw();
    });
    for (const { svg } of drawings) {
      for (const [kind, act] of Object.entries(listeners)) svg.addEventListener(kind, act);
      Object.assign(svg, { role: "application", tabIndex: 0, ariaRoleDescription: "chart", ariaDescription: HELP });
      svg.insertAdjacentHTML("beforeend", ["over", "chosen", "cross"].map(layer => `<g class="${layer}"></g>`).join(""));
    }
    return { draw, point, figure };
  };
  for (const drawings of Map.groupBy(document.querySelectorAll("svg.wide[data-chart]"), wide => wide.closest(".section")).values()) {
    const group = { span: null, day: null }; // charts of a section move together
    group.point = (day, own, aloud) => { group.day = day; charts.forEach(chart => chart.point(day, chart.figure === own, aloud)); };
    group.draw = () => { charts.forEach(chart => chart.draw()); group.point(null); };
    const charts = drawings.map(wide => interactive(wide, group));
    addEventListener("resize", group.draw);
  }
})();
