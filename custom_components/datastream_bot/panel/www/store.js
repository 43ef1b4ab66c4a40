/* The messages that a page has seen: kept in order, found by id, and filtered. */

import { OUTCOMES, searchable } from "./message.js";

const MAX_ROWS = 10_000;

/** What a user may narrow the messages by, and what each message has of it. */
export const FACETS = {
  bot: (row, names) => names.bots(row),
  address: (row) => [row.address ?? ""],
  from: (row, names) => [names.source(row)],
  outcome: (row) => [row.outcome],
};

export class Store {
  constructor(names) {
    this._names = names;
    this.rows = [];
    this.leftOut = 0;
    this._byId = new Map();
  }

  /** Take in messages, which may be new or have changed. */
  add(messages) {
    const changed = new Map();
    let isInOrder = true;
    for (const row of messages) {
      const known = this._byId.get(row.id);
      if (known) keep(known, row);
      row.text = searchable(row, this._names);
      this._byId.set(row.id, row);
      if (known) changed.set(known, row);
      else this.rows.push(row);
      isInOrder &&= known ? known.time === row.time : !(row.time < this.rows.at(-2)?.time);
    }
    if (changed.size) this.rows = this.rows.map((row) => changed.get(row) ?? row);
    // One that is refused again is one of now.
    if (!isInOrder) this.rows.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
    for (const row of this.rows.splice(0, Math.max(0, this.rows.length - MAX_ROWS))) this._byId.delete(row.id);
  }

  /** Return the messages as they are now. */
  copy() {
    const copy = new Store(this._names);
    copy.rows = [...this.rows];
    return copy;
  }

  clear() {
    this.rows = [];
    this.leftOut = 0;
    this._byId.clear();
  }

  find(id) {
    return this._byId.get(id);
  }

  /** Return the messages that led to one, the first one first, and with it what came of it: pairs with their depth. */
  family(row) {
    const ancestors = [];
    for (let parent = this.find(row.parent); parent && !ancestors.includes(parent); parent = this.find(parent.parent)) {
      ancestors.unshift(parent);
    }
    const children = new Map();
    for (const other of this.rows) {
      if (other.parent) children.set(other.parent, [...(children.get(other.parent) ?? []), other]);
    }
    const below = (one, depth) => [
      [one, depth],
      ...(children.get(one.id) ?? []).flatMap((child) => below(child, depth + 1)),
    ];
    return [...ancestors.map((one, depth) => [one, depth]), ...below(row, ancestors.length)];
  }

  /** Return the messages that fit a filter, the newest first. */
  filtered(filter) {
    const words = (filter.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = words.filter((word) => !word.startsWith("-"));
    const unwanted = words.filter((word) => word.length > 1 && word.startsWith("-")).map((word) => word.slice(1));
    const fits = (row) =>
      wanted.every((word) => row.text.includes(word)) &&
      !unwanted.some((word) => row.text.includes(word)) &&
      Object.entries(FACETS).every(
        ([facet, of]) => !filter[facet]?.length || of(row, this._names).some((value) => filter[facet].includes(value)),
      );
    return this.rows.filter(fits).reverse();
  }

  /** Return for a facet how many messages have each of its values, the most frequent first. */
  counts(facet) {
    const counts = new Map(facet === "outcome" ? OUTCOMES.map((outcome) => [outcome, 0]) : []);
    for (const row of this.rows) {
      for (const value of FACETS[facet](row, this._names)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].filter(([value, count]) => value && count).sort((one, other) => other[1] - one[1]);
  }
}

/* A restart forgets content, results and causes, which a page that is open still has. */
function keep(known, row) {
  for (const name of ["content", "cause", "automation", "parent"]) row[name] ??= known[name];
  row.deliveries.forEach((delivery, at) => {
    delivery.result ??= known.deliveries[at]?.result;
  });
}
