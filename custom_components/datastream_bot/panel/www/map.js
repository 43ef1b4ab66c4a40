/* The map: who sent to which address within the last hour, and who received it. A line is as wide as its traffic. */

import { fill, h, svg } from "./dom.js";

const HOUR = 3_600_000;
const LINE = 34;
const WIDTH = 900;
const COLUMNS = [{ x: 0, width: 230 }, { x: 335, width: 230 }, { x: 670, width: 230 }];
const MAX_EACH = 40;
const ELSEWHERE = "elsewhere";

export class MapView {
  constructor(page) {
    this._page = page;
    this._picture = h("div", { class: "picture" });
    this.element = h("div", { class: "map" }, h("p", { class: "status" }, page.text("map_hint")), this._picture);
  }

  update() {
    const { names, store, text } = this._page;
    const since = Date.now() - HOUR;
    const rows = store.rows.filter((row) => Date.parse(row.time) >= since && row.address);
    const columns = [new Map(), new Map(), new Map()];
    const lines = new Map();
    // By id, with what people call it.
    const labels = new Map([[ELSEWHERE, text("elsewhere")]]);
    const note = (column, id, isBad) => {
      const [count, bad] = columns[column].get(id) ?? [0, 0];
      columns[column].set(id, [count + 1, bad + isBad]);
    };
    const connect = (from, to, column, isBad) => {
      const key = JSON.stringify([column, from, to]);
      const [count, bad] = lines.get(key) ?? [0, 0];
      lines.set(key, [count + 1, bad + isBad]);
    };
    for (const row of rows) {
      const isBad = row.outcome === "failed" || row.outcome === "refused" ? 1 : 0;
      const from = names.source(row);
      labels.set(from, names.from(row));
      note(0, from, isBad);
      note(1, row.address, isBad);
      connect(from, row.address, 0, isBad);
      for (const delivery of row.deliveries) {
        const failed = delivery.outcome === "failed" || delivery.outcome === "refused" ? 1 : 0;
        const to = `${delivery.config_entry_id} ${delivery.receiver}`;
        labels.set(to, `${names.bot(delivery.config_entry_id)} · ${delivery.receiver}`);
        note(2, to, failed);
        connect(row.address, to, 1, failed);
      }
      for (const [outcome, count] of Object.entries(row.elsewhere)) {
        note(2, ELSEWHERE, outcome === "failed" ? count : 0);
        connect(row.address, ELSEWHERE, 1, outcome === "failed" ? 1 : 0);
      }
    }
    const key = JSON.stringify([columns.map((column) => [...column]), [...lines], [...labels]]);
    if (key === this._drawn) return;
    this._drawn = key;
    if (!rows.length) {
      fill(this._picture, h("p", { class: "empty" }, text("map_empty")));
      return;
    }
    const places = columns.map((column) => {
      const sorted = [...column].sort(([, one], [, other]) => other[0] - one[0]).slice(0, MAX_EACH);
      return new Map(sorted.map(([id, counts], at) => [id, { y: 44 + at * LINE, counts, name: labels.get(id) ?? id }]));
    });
    const height = 60 + LINE * Math.max(...places.map((each) => each.size));
    const most = Math.max(...[...lines.values()].map(([count]) => count));
    const focused = this._picture.getRootNode().activeElement?.dataset?.key;
    fill(
      this._picture,
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": text("tab.map") },
        ...["map_sources", "map_addresses", "map_receivers"].map((name, at) => label(COLUMNS[at].x, 20, text(name), "head")),
        ...[...lines].map(([line, counts]) => this._line(places, JSON.parse(line), counts, most)),
        ...places.flatMap((column, at) => [...column].map(([id, place]) => this._place(at, id, place))),
      ),
    );
    if (focused) this._picture.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  _line(places, [column, from, to], [count, bad], most) {
    const [start, end] = [places[column].get(from), places[column + 1].get(to)];
    if (!start || !end) return null;
    const [x1, x2] = [COLUMNS[column].x + COLUMNS[column].width, COLUMNS[column + 1].x];
    const middle = (x1 + x2) / 2;
    return svg("path", {
      d: `M ${x1} ${start.y} C ${middle} ${start.y}, ${middle} ${end.y}, ${x2} ${end.y}`,
      class: bad ? "line bad" : "line",
      "stroke-width": String(1.5 + (10 * Math.log1p(count)) / Math.log1p(most)),
    });
  }

  _place(column, id, { y, name, counts: [count, bad] }) {
    const { x, width } = COLUMNS[column];
    const description = `${name}, ${this._page.text(bad ? "map_count_bad" : "map_count", { count, bad })}`;
    const [facet, value] = [["from", id], ["address", id], ["bot", id.split(" ")[0]]][column];
    const pick = () => this._page.open("messages", { [facet]: [value] });
    const picked = {
      role: "button",
      tabindex: "0",
      onclick: pick,
      onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), pick()),
    };
    return svg(
      "g",
      {
        class: bad ? "place bad" : "place",
        "aria-label": description,
        "data-key": `${column} ${id}`,
        ...(id === ELSEWHERE ? { role: "img" } : picked),
      },
      svg("rect", { x, y: y - 13, width, height: 26, rx: 6 }),
      label(x + 10, y + 5, shortened(name, 24), ""),
      label(x + width - 10, y + 5, String(count), "count"),
    );
  }
}

function label(x, y, content, className) {
  const element = svg("text", { x: String(x), y: String(y), class: className });
  element.textContent = content;
  return element;
}

function shortened(name, length) {
  return name.length > length ? `${name.slice(0, length - 1)}…` : name;
}
