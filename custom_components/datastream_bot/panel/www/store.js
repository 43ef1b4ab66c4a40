/* The messages that a page has seen: kept in order, found by id, and filtered. */

import { OUTCOMES, searchable } from "./message.js";

const MAX_ROWS = 10_000;

/** What a user may narrow the messages by, and what each message has of it. */
export const FACETS = {
  bot: (row, names) => names.bots(row),
  address: (row) => [row.address ?? ""],
  from: (row, names) => [names.from(row)],
  outcome: (row) => [row.outcome],
};

export class Store {
  constructor(names) {
    this._names = names;
    this.rows = [];
    this.leftOut = 0;
    this._byId = new Map();
  }

  /** Take in messages, which may be new or have changed; the newest come last. */
  add(messages) {
    for (const row of messages) {
      row.text = searchable(row, this._names);
      const index = this._byId.has(row.id) ? this.rows.lastIndexOf(this._byId.get(row.id)) : -1;
      if (index >= 0) this.rows[index] = row;
      else this.rows.push(row);
      this._byId.set(row.id, row);
    }
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

  /** Return the message that led to one, and those that came of it. */
  family(row) {
    return {
      parent: this.rows.find((other) => other.id === row.cause),
      children: this.rows.filter((other) => other.cause === row.id),
    };
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
