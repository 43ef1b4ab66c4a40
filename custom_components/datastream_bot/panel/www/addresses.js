/* The view of the addresses: who declares, opens and listens to each, and a form to try it. */

import { button, fill, h, icon } from "./dom.js";
import { OUTCOME_ICONS } from "./message.js";

const TOGGLE_EVERYTHING = "toggle_everything";
const PRESENCES = [["away", "home-export-outline"], ["home", "home-import-outline"]];

export class AddressesView {
  constructor(page) {
    this._page = page;
    this._addresses = [];
    const t = page.text;
    this._search = h("input", {
      type: "search",
      placeholder: t("search_addresses"),
      "aria-label": t("search_addresses"),
      oninput: () => page.setState({ q: this._search.value }, true),
    });
    this._list = h("ul", { class: "addresses" });
    this._details = h("section", { class: "details", "aria-label": t("details") });
    this.element = h(
      "div",
      { class: "messages" },
      h("div", { class: "toolbar" }, this._search),
      h("div", { class: "columns" }, h("div", { class: "list" }, this._list), this._details),
    );
  }

  /** Ask Home Assistant for the addresses, and show them. */
  async load() {
    this._addresses = await this._page.ask({ type: "datastream_bot/addresses" });
    this.update();
  }

  hassChanged(hass) {
    this._trial?.hassChanged(hass);
  }

  update() {
    const { state, store, text, time } = this._page;
    if (this._search.value !== (state.q ?? "")) this._search.value = state.q ?? "";
    const query = (state.q ?? "").toLowerCase();
    const shown = this._addresses.filter((one) => `${one.address} ${one.description}`.toLowerCase().includes(query));
    const last = new Map(store.rows.map((row) => [row.address, row]));
    const counts = new Map();
    for (const row of store.rows) counts.set(row.address, (counts.get(row.address) ?? 0) + 1);
    const key = JSON.stringify([shown, state.address, [...counts], [...last].map(([, row]) => row.outcome)]);
    if (key !== this._listed) {
      this._listed = key;
      const focused = this._list.getRootNode().activeElement?.dataset.address;
      fill(
        this._list,
        shown.map((one) => this._item(one, counts.get(one.address) ?? 0, last.get(one.address))),
        shown.length ? null : h("li", { class: "empty" }, text("no_addresses")),
      );
      if (focused) this._list.querySelector(`[data-address="${CSS.escape(focused)}"]`)?.focus();
    }
    const picked = this._addresses.find((one) => one.address === state.address);
    this.element.classList.toggle("has-details", Boolean(picked));
    if (JSON.stringify(picked) !== this._detailed) {
      this._detailed = JSON.stringify(picked);
      fill(this._details, picked ? this._describe(picked) : null);
    }
    // The rest stays as it is: somebody may be filling in the form.
    if (picked) this._latest.textContent = last.has(picked.address) ? time(last.get(picked.address).time, true) : "—";
  }

  _item(one, count, last) {
    const { state, text } = this._page;
    const bots = one.bots.map((bot) => bot.name).join(", ");
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: `item${one.address === state.address ? " picked" : ""}`,
          "aria-pressed": String(one.address === state.address),
          "data-address": one.address,
          onclick: () => this._page.setState({ address: one.address }, true),
        },
        icon(one.dead_end ? "sign-caution" : one.is_open ? "door-open" : "door-closed", one.dead_end ? "warning" : ""),
        h("span", { class: "address" }, h("b", {}, one.address), h("small", {}, one.description || bots)),
        one.dead_end ? h("span", { class: "warning" }, text(`dead_end.${one.dead_end}`)) : null,
        last ? icon(OUTCOME_ICONS[last.outcome], last.outcome) : null,
        h("span", { class: "count", title: text("messages_seen") }, String(count)),
      ),
    );
  }

  _describe(one) {
    const { text } = this._page;
    this._latest = h("span", {});
    const names = (list) => (list.length ? list.join(", ") : "—");
    const listening = one.automations.filter((each) => each.listens);
    const sending = one.automations.filter((each) => each.sends);
    const links = (list) => (list.length ? list.map((each, at) => [at ? ", " : null, this._automation(each)]) : "—");
    const facts = [
      [text("label.purpose"), one.description || "—"],
      [text("label.action"), one.action ? h("code", {}, one.action) : "—"],
      [text("label.declared_by"), names(one.bots.filter((bot) => bot.is_declared).map((bot) => bot.name))],
      [text("label.open_at"), names(one.bots.filter((bot) => bot.is_open).map((bot) => bot.name))],
      [text("label.receivers"), names(one.bots.flatMap((bot) => bot.receivers.map((name) => `${bot.name} · ${name}`)))],
      [text("label.listening"), links(listening)],
      [text("label.sending"), links(sending)],
      [text("label.latest"), this._latest],
    ];
    return [
      h(
        "header",
        {},
        h("h2", {}, one.address),
        h(
          "button",
          { type: "button", class: "action", title: text("close"), onclick: () => this._page.setState({ address: null }, true) },
          icon("close"),
        ),
      ),
      one.dead_end ? h("p", { class: "warning" }, text(`dead_end_help.${one.dead_end}`)) : null,
      h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      h("div", { class: "actions" }, button(text("its_messages"), "filter-outline", () => this._page.open("messages", { address: [one.address] }))),
      one.fields.length ? [h("h3", {}, text("fields")), this._fields(one)] : null,
      h("h3", {}, text("try")),
      (this._trial = new Trial(this._page, one)).element,
    ];
  }

  _automation(one) {
    const [domain] = one.entity_id.split(".");
    const name = this._page.names.entity(one.entity_id);
    return one.id ? this._page.link(`/config/${domain}/edit/${encodeURIComponent(one.id)}`, name) : name;
  }

  _fields(one) {
    const { text } = this._page;
    const head = ["field", "holds", "meaning"].map((name) => h("th", { scope: "col" }, text(name)));
    return h(
      "table",
      {},
      h("thead", {}, h("tr", {}, head)),
      h(
        "tbody",
        {},
        one.fields.map((field) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, h("code", {}, field.name), field.required ? h("abbr", { title: text("required") }, " *") : null),
            h("td", {}, field.expected),
            h("td", {}, field.description),
          ),
        ),
      ),
    );
  }
}

/* A form to send a message, with its receipt beneath. */
class Trial {
  constructor(page, one) {
    this._page = page;
    this._one = one;
    this._content = {};
    const { text } = page;
    this._bot = h(
      "select",
      { "aria-label": text("try_to") },
      one.is_open ? h("option", { value: "" }, text("every_bot")) : null,
      one.bots.map((bot) => h("option", { value: `to ${bot.id}` }, text("to_bot", { bot: bot.name }))),
      page.bots.map((bot) => h("option", { value: `as ${bot.id}` }, text("as_bot", { bot: bot.name }))),
    );
    this._receipt = h("div", { class: "receipt", "aria-live": "polite" });
    this.element = h(
      "form",
      { class: "trial", onsubmit: (event) => this._send(event) },
      h("label", {}, h("span", {}, text("try_to")), this._bot),
      this._editor(),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "primary" }, text("send")),
        button(text("dry_run"), "test-tube", () => this._preview({ type: "preview", address: one.address })),
        one.address === TOGGLE_EVERYTHING
          ? PRESENCES.map(([presence, name]) => button(text(`if_${presence}`), name, () => this._preview({ type: "preview_reaction", presence })))
          : null,
      ),
      this._receipt,
    );
  }

  /* Home Assistant's own form where it is there, and plain JSON where it is not. */
  _editor() {
    const { hass, text } = this._page;
    if (this._one.fields.length && customElements.get("ha-form")) {
      this._form = h("ha-form", {
        hass,
        data: this._content,
        schema: this._one.fields.map(({ name, selector, required }) => ({ name, selector, required })),
        computeLabel: (field) => field.name,
        computeHelper: (field) => this._one.fields.find((one) => one.name === field.name).description,
        "onvalue-changed": (event) => {
          this._content = event.detail.value;
          event.currentTarget.data = this._content;
        },
      });
      return this._form;
    }
    this._json = h("textarea", { rows: 4, spellcheck: false, "aria-label": text("content"), value: "{}" });
    return h("label", {}, h("span", {}, text("content")), this._json);
  }

  hassChanged(hass) {
    if (this._form) this._form.hass = hass;
  }

  _read() {
    const content = this._json ? JSON.parse(this._json.value || "{}") : this._content;
    if (content === null || typeof content !== "object" || Array.isArray(content)) throw new Error(this._page.text("no_object"));
    return content;
  }

  _send(event) {
    event.preventDefault();
    return this._show("receipt", () => {
      const [way, bot] = this._bot.value.split(" ");
      const { address } = this._one;
      return way === "as" ? this._page.sendAs(bot, address, this._read(), true) : this._page.send(address, this._read(), bot);
    });
  }

  /* Ask what would happen. Leaving and returning are matters of one bot. */
  _preview({ type, ...message }) {
    return this._show("would", () => {
      const [way, picked] = this._bot.value.split(" ");
      if (type === "preview_reaction") {
        return this._page.ask({ type: "datastream_bot/preview_reaction", ...message, config_entry_id: picked ?? this._one.bots[0].id });
      }
      const whom = picked ? { [way === "as" ? "sender" : "config_entry_id"]: picked } : {};
      return this._page.ask({ type: "datastream_bot/preview", ...message, content: this._read(), ...whom });
    });
  }

  async _show(heading, ask) {
    try {
      const answer = await ask();
      fill(this._receipt, h("h3", {}, this._page.text(heading)), h("pre", { tabIndex: 0 }, JSON.stringify(answer, null, 2)));
    } catch (err) {
      fill(this._receipt, h("p", { class: "error", role: "alert" }, err.message ?? String(err)));
    }
  }
}
