/* The view of the messages: a live list with filters, and what became of the one that is picked. */

import { button, copyText, fill, h, icon, reconcile } from "./dom.js";
import { OUTCOME_ICONS, duration, originIcon, reason, summary } from "./message.js";
import { FACETS } from "./store.js";

const ROW_HEIGHT = 48;
const SPARE_ROWS = 10;

export class MessagesView {
  constructor(page) {
    this._page = page;
    this._paused = null;
    this._shown = [];
    const t = page.text;
    this._search = h("input", {
      type: "search",
      placeholder: t("search"),
      "aria-label": t("search"),
      title: t("search_hint"),
      oninput: () => page.setState({ q: this._search.value }, true),
    });
    this._pause = button(t("pause"), "pause", () => this._togglePause());
    this._facets = Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, this._facet(facet)]));
    this._status = h("div", { class: "status" });
    this._microservices = h("div", { class: "microservices" });
    // Read out when the user narrows the messages, and not whenever one comes.
    this._announced = h("div", { class: "sr", role: "status" });
    this._rowsInSight = new Map();
    this._spacer = h("div", { class: "spacer" });
    this._list = h(
      "div",
      {
        class: "list",
        role: "listbox",
        tabIndex: 0,
        "aria-label": t("tab.messages"),
        onscroll: () => this._scrolled(),
        onkeydown: (event) => this._onKey(event),
      },
      this._spacer,
    );
    this._details = h("section", { class: "details", "aria-label": t("details") });
    this.element = h(
      "div",
      { class: "messages" },
      h(
        "div",
        { class: "toolbar" },
        this._search,
        ...Object.values(this._facets).map((facet) => facet.element),
        h(
          "div",
          { class: "actions" },
          this._pause,
          button(t("clear"), "notification-clear-all", () => page.clear()),
          button(t("export"), "download", () => this._export()),
        ),
      ),
      this._status,
      this._microservices,
      this._announced,
      h("div", { class: "columns" }, this._list, this._details),
    );
    new ResizeObserver(() => this._renderRows()).observe(this._list);
  }

  /** Show what the page knows by now. */
  update() {
    const { store, state, text } = this._page;
    if (this._search.value !== (state.q ?? "")) this._search.value = state.q ?? "";
    if (this._paused === null) this._shown = store.filtered(state);
    else this._shown = this._paused.filtered(state);
    for (const [name, facet] of Object.entries(this._facets)) facet.update(state[name] ?? [], store.counts(name));
    const waiting = this._paused === null ? 0 : store.rows.length - this._paused.rows.length;
    const told = [
      text("shown", { shown: this._shown.length, all: store.rows.length }),
      waiting > 0 ? text("waiting", { count: waiting }) : "",
      store.leftOut ? text("left_out", { count: store.leftOut }) : "",
    ];
    this._status.textContent = told.filter(Boolean).join(" · ");
    this._microservices.textContent = this._listMicroservices(state.bot ?? []);
    const { id, ...filter } = state;
    if (this._filter !== JSON.stringify(filter)) {
      if (this._filter !== undefined) this._announced.textContent = told[0];
      this._filter = JSON.stringify(filter);
    }
    this._renderRows();
    this._renderDetails();
  }

  /* List the microservices of the one bot that is chosen, also those of other integrations. */
  _listMicroservices(picked) {
    const bot = picked.length === 1 && this._page.bots.find((one) => one.id === picked[0]);
    if (!bot) return "";
    const list = bot.microservices.map(({ name, addresses }) => `${name} (${addresses.join(", ")})`).join(", ");
    return this._page.text("microservices", { list });
  }

  _scrolled() {
    if (this._isScrolling) return;
    this._isScrolling = true;
    requestAnimationFrame(() => {
      this._isScrolling = false;
      this._renderRows();
    });
  }

  /* Only the rows that are in sight are there: ten thousand scroll like ten. One that is there stays the same element,
     or a click on it would get lost. */
  _renderRows() {
    const rows = this._shown;
    const first = Math.max(0, Math.floor(this._list.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(rows.length, first + Math.ceil(this._list.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS);
    const inSight = new Map(rows.slice(first, last).map((row, offset) => [row.id, [row, first + offset]]));
    this._spacer.style.height = `${rows.length * ROW_HEIGHT}px`;
    for (const [id, [row]] of inSight) if (this._rowsInSight.get(id) !== row) this._spacer.querySelector(`#row-${CSS.escape(id)}`)?.remove();
    const nothing = this._page.store.rows.length ? "no_match" : "no_messages";
    reconcile(this._spacer, rows.length ? [...inSight.keys()] : [nothing], (key) =>
      inSight.has(key) ? this._row(...inSight.get(key)) : h("p", { class: "empty" }, this._page.text(key)),
    );
    for (const [id, [, index]] of inSight) this._place(id, index);
    this._rowsInSight = new Map([...inSight].map(([id, [row]]) => [id, row]));
    const picked = this._page.state.id;
    this._list.setAttribute("aria-activedescendant", inSight.has(picked) ? `row-${picked}` : "");
  }

  /* Tell a row where it is by now. */
  _place(id, index) {
    const row = this._spacer.querySelector(`#row-${CSS.escape(id)}`);
    const isPicked = id === this._page.state.id;
    row.style.top = `${index * ROW_HEIGHT}px`;
    row.classList.toggle("picked", isPicked);
    row.setAttribute("aria-selected", String(isPicked));
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(this._shown.length));
  }

  _row(row) {
    const { names, text, time } = this._page;
    const outcome = text(`outcome.${row.outcome}`);
    return h(
      "div",
      { class: `row ${row.outcome}`, id: `row-${row.id}`, role: "option", onclick: () => this._pick(row) },
      h("span", { class: "outcome", title: outcome }, icon(OUTCOME_ICONS[row.outcome]), h("span", { class: "sr" }, outcome)),
      h("time", { dateTime: row.time }, time(row.time)),
      h("span", { class: "address" }, h("b", {}, row.address ?? text("no_address")), h("small", {}, reason(row) || summary(row))),
      h("span", { class: "from" }, icon(originIcon(row)), names.from(row)),
      h("span", { class: "to" }, names.bots(row).map((id) => names.bot(id)).join(", ")),
      h("span", { class: "duration" }, duration(row.duration)),
    );
  }

  _pick(row) {
    this._page.setState({ id: row?.id ?? null }, true);
    if (row) this._list.focus();
  }

  _onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") return this._pick(null);
    if (step === undefined || !this._shown.length) return undefined;
    event.preventDefault();
    const at = this._shown.findIndex((row) => row.id === this._page.state.id);
    const to = Math.min(this._shown.length - 1, Math.max(0, at < 0 ? 0 : at + step));
    const top = to * ROW_HEIGHT;
    if (top < this._list.scrollTop) this._list.scrollTop = top;
    else if (top + ROW_HEIGHT > this._list.scrollTop + this._list.clientHeight) {
      this._list.scrollTop = top + ROW_HEIGHT - this._list.clientHeight;
    }
    return this._pick(this._shown[to]);
  }

  _renderDetails() {
    const { state, store, text } = this._page;
    const row = state.id && store.find(state.id);
    this.element.classList.toggle("has-details", Boolean(row));
    if (!row) {
      this._detailed = null;
      this._copyable = null;
      fill(this._details);
      return;
    }
    // It may be in the middle of being read or copied from.
    const family = store.family(row);
    const key = JSON.stringify([row, family.map(([one]) => [one.id, one.outcome])]);
    if (this._detailed === key) return;
    this._detailed = key;
    if (this._copyable?.dataset.id !== row.id) this._copyable = null;
    fill(
      this._details,
      h(
        "header",
        {},
        h("h2", {}, row.address ?? text("no_address")),
        h("button", { type: "button", class: "action", title: text("close"), onclick: () => this._pick(null) }, icon("close")),
      ),
      this._facts(row),
      row.address === null
        ? null
        : h(
            "div",
            { class: "actions" },
            row.content === undefined || row.home ? null : button(text("again"), "repeat", () => this._again(row)),
            button(text("automate"), "robot", () => this._automate(row)),
          ),
      this._copyable,
      h("h3", {}, text("content")),
      row.content === undefined
        ? h("p", { class: "empty" }, text("content_not_kept"))
        : h("pre", { tabIndex: 0 }, JSON.stringify(row.content, null, 2)),
      h("h3", {}, text("deliveries")),
      row.deliveries.length || Object.keys(row.elsewhere).length
        ? h("ul", { class: "deliveries" }, row.deliveries.map((each) => this._delivery(each)), this._elsewhere(row))
        : h("p", { class: "empty" }, text(row.refusal ? "refused_before" : "nobody")),
      family.length > 1
        ? [h("h3", {}, text("chain")), h("ul", { class: "chain" }, family.map(([one, depth]) => this._relative(one, depth, one === row)))]
        : null,
    );
  }

  _facts(row) {
    const { names, text, time } = this._page;
    const facts = [
      [text("label.outcome"), text(`outcome.${row.outcome}`) + (row.refusal?.count > 1 ? ` (${row.refusal.count} ×)` : "")],
      [text("label.reason"), row.refusal && (row.refusal.error ?? row.refusal.reason)],
      [text("label.time"), time(row.time, true)],
      [text("label.from"), [names.from(row), row.home || names.origin(row.origin)].filter((each, at, all) => all.indexOf(each) === at).join(" · ")],
      [text("label.automation"), row.automation && this._automationLink(row.automation)],
      [text("label.duration"), duration(row.duration)],
      [text("label.hops"), row.hops || null],
    ];
    return h(
      "dl",
      {},
      facts.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }

  _automationLink(entityId) {
    const id = this._page.hass.states[entityId]?.attributes.id;
    const name = this._page.names.entity(entityId);
    return id ? this._page.link(`/config/automation/trace/${encodeURIComponent(id)}`, name) : name;
  }

  _delivery(delivery) {
    const { text } = this._page;
    return h(
      "li",
      { class: delivery.outcome },
      icon(OUTCOME_ICONS[delivery.outcome]),
      h(
        "div",
        {},
        h("b", {}, `${delivery.bot} · ${delivery.receiver}`),
        h("small", {}, [text(`outcome.${delivery.outcome}`), duration(delivery.duration)].filter(Boolean).join(" · ")),
        delivery.error ? h("p", { class: "error" }, delivery.error) : null,
        delivery.result ? h("pre", { tabIndex: 0 }, JSON.stringify(delivery.result, null, 2)) : null,
      ),
    );
  }

  _elsewhere(row) {
    const { text } = this._page;
    return Object.entries(row.elsewhere).map(([outcome, count]) =>
      h("li", { class: outcome }, icon("home-group"), h("div", {}, h("b", {}, text("elsewhere")), h("small", {}, `${text(`outcome.${outcome}`)}: ${count}`))),
    );
  }

  _relative(one, depth, isSelf) {
    return h(
      "li",
      { class: one.outcome, style: `margin-inline-start: ${Math.min(depth, 8) * 20}px` },
      icon(OUTCOME_ICONS[one.outcome]),
      isSelf
        ? h("b", {}, one.address)
        : h("button", { type: "button", class: "link", onclick: () => this._pick(one) }, one.address),
    );
  }

  /* To those who received it, and no further: as the same bot, or from outside to the same bots. */
  async _again(row) {
    const page = this._page;
    const bots = page.names.bots(row);
    try {
      if (row.sender) await page.sendAs(row.sender, row.address, row.content, row.external);
      else for (const bot of bots.length ? bots : [null]) await page.send(row.address, row.content, bot);
    } catch (err) {
      page.toast(err.message);
    }
  }

  async _automate(row) {
    const { text } = this._page;
    const options = [`  address: ${row.address}`];
    if (row.content && Object.keys(row.content).length) options.push(`  content: ${JSON.stringify(row.content)}`);
    const yaml = `trigger: datastream_bot.message_received\noptions:\n${options.join("\n")}\n`;
    if (await copyText(yaml)) {
      this._page.toast(text("trigger_copied"));
      this._page.navigate("/config/automation/edit/new");
      return;
    }
    this._copyable = h("div", {}, h("p", {}, text("trigger_to_copy")), h("pre", { tabIndex: 0 }, yaml));
    this._copyable.dataset.id = row.id;
    this._detailed = null;
    this._renderDetails();
  }

  _togglePause() {
    const { store, text } = this._page;
    this._paused = this._paused === null ? store.copy() : null;
    const [label, name] = this._paused === null ? [text("pause"), "pause"] : [text("resume"), "play"];
    fill(this._pause, icon(name), h("span", {}, label));
    this._pause.title = label;
    this._pause.setAttribute("aria-pressed", String(this._paused !== null));
    this.update();
  }

  resume() {
    if (this._paused !== null) this._togglePause();
  }

  _export() {
    const lines = [...this._shown].reverse().map(({ text, ...row }) => JSON.stringify(row));
    const url = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "application/x-ndjson" }));
    h("a", { href: url, download: "datastream_bot_messages.jsonl" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  /* A facet: a button that opens a list of what there is, with how often. */
  _facet(name) {
    const { text } = this._page;
    const summary = h("summary", {}, text(`facet.${name}`));
    const choices = h("div", { class: "choices", role: "group", "aria-label": text(`facet.${name}`) });
    const element = h("details", { class: "facet", onkeydown: (event) => event.key === "Escape" && (element.open = false) }, summary, choices);
    element.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !element.contains(event.relatedTarget)) element.open = false;
    });
    const update = (picked, counts) => {
      const label = picked.length ? `${text(`facet.${name}`)} (${picked.length})` : text(`facet.${name}`);
      if (summary.textContent !== label) summary.textContent = label;
      const all = new Map([...counts, ...picked.filter((value) => !counts.some(([one]) => one === value)).map((value) => [value, 0])]);
      // In the order in which they were first seen, so that none moves away from the pointer.
      const known = [...choices.children].map((choice) => choice.dataset.key).filter((value) => all.has(value));
      const keys = element.open ? [...new Set([...known, ...all.keys()])] : [...all.keys()];
      reconcile(choices, keys, (value) =>
        h(
          "label",
          {},
          h("input", { type: "checkbox", value, onchange: (event) => this._pickFacet(name, value, event.target.checked) }),
          h("span", {}),
          h("small", {}),
        ),
      );
      for (const choice of choices.children) {
        const [input, called, count] = choice.children;
        input.checked = picked.includes(input.value);
        called.textContent = this._page.names.label(name, input.value);
        count.textContent = String(all.get(input.value));
      }
    };
    return { element, update };
  }

  _pickFacet(name, value, isPicked) {
    const picked = (this._page.state[name] ?? []).filter((each) => each !== value);
    this._page.setState({ [name]: isPicked ? [...picked, value] : picked }, true);
  }
}
