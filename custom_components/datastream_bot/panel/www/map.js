/* The map: who sent to which address within the last hour, and who received it. A line is as wide as its traffic. */

import { fill, h, svg } from "./dom.js";

const HOUR = 3_600_000;
const LINE = 34;
const WIDTH = 900;
const COLUMNS = [{ x: 0, width: 230 }, { x: 335, width: 230 }, { x: 670, width: 230 }];
const MAX_EACH = 40;

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
    const note = (column, name, isBad) => {
      const [count, bad] = columns[column].get(name) ?? [0, 0];
      columns[column].set(name, [count + 1, bad + isBad]);
    };
    const connect = (from, to, column, isBad) => {
      const key = JSON.stringify([column, from, to]);
      const [count, bad] = lines.get(key) ?? [0, 0];
      lines.set(key, [count + 1, bad + isBad]);
    };
    for (const row of rows) {
      const isBad = row.outcome === "failed" || row.outcome === "refused" ? 1 : 0;
      const from = names.from(row);
      note(0, from, isBad);
      note(1, row.address, isBad);
      connect(from, row.address, 0, isBad);
      for (const delivery of row.deliveries) {
        const failed = delivery.outcome === "failed" || delivery.outcome === "refused" ? 1 : 0;
        const to = `${delivery.bot} · ${delivery.receiver}`;
        note(2, to, failed);
        connect(row.address, to, 1, failed);
      }
      for (const [outcome, count] of Object.entries(row.elsewhere)) {
        note(2, text("elsewhere"), outcome === "failed" ? count : 0);
        connect(row.address, text("elsewhere"), 1, outcome === "failed" ? 1 : 0);
      }
    }
    const key = JSON.stringify([columns.map((column) => [...column]), [...lines]]);
    if (key === this._drawn) return;
    this._drawn = key;
    if (!rows.length) {
      fill(this._picture, h("p", { class: "empty" }, text("map_empty")));
      return;
    }
    const places = columns.map((column) => {
      const sorted = [...column].sort(([, one], [, other]) => other[0] - one[0]).slice(0, MAX_EACH);
      return new Map(sorted.map(([name, counts], at) => [name, { y: 44 + at * LINE, counts }]));
    });
    const height = 60 + LINE * Math.max(...places.map((each) => each.size));
    const most = Math.max(...[...lines.values()].map(([count]) => count));
    fill(
      this._picture,
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": text("tab.map") },
        ...["map_sources", "map_addresses", "map_receivers"].map((name, at) => label(COLUMNS[at].x, 20, text(name), "head")),
        ...[...lines].map(([line, counts]) => this._line(places, JSON.parse(line), counts, most)),
        ...places.flatMap((column, at) => [...column].map(([name, place]) => this._place(at, name, place))),
      ),
    );
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

  _place(column, name, { y, counts: [count, bad] }) {
    const { x, width } = COLUMNS[column];
    const { text } = this._page;
    const description = `${name}, ${text(bad ? "map_count_bad" : "map_count", { count, bad })}`;
    const facet = ["from", "address", "bot"][column];
    const value = column === 2 ? name.split(" · ")[0] : name;
    const pick = () => this._page.open("messages", { [facet]: [value] });
    return svg(
      "g",
      {
        class: bad ? "place bad" : "place",
        role: "button",
        tabindex: "0",
        "aria-label": description,
        onclick: pick,
        onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), pick()),
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
