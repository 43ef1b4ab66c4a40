/* The page of Data Stream Bot: every message, and what became of it. Home Assistant makes one of this element. */

import { AddressesView } from "./addresses.js";
import { fill, h, icon } from "./dom.js";
import { MapView } from "./map.js";
import { Names } from "./message.js";
import { MessagesView } from "./messages.js";
import { FACETS, Store } from "./store.js";
import { STYLE } from "./style.js";

const DOMAIN = "datastream_bot";
const VIEWS = { messages: MessagesView, addresses: AddressesView, map: MapView };
const LISTS = Object.keys(FACETS);

class DatastreamBotPanel extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" });
    this.state = {};
    this.view = "messages";
    this._views = {};
    // Bound, as the views take them from the page one by one.
    this.text = (key, values) => this._localize?.(`component.${DOMAIN}.config_panel.${key}`, values) ?? "";
    this.time = (iso, withDate) => this._time(iso, withDate);
  }

  // What Home Assistant sets, again and again.

  set hass(hass) {
    this._hass = hass;
    this.names?.update(hass);
    if (this._menu) this._menu.hass = hass;
    for (const view of Object.values(this._views)) view.hassChanged?.(hass);
  }

  get hass() {
    return this._hass;
  }

  set narrow(narrow) {
    this._narrow = Boolean(narrow);
    this.toggleAttribute("narrow", this._narrow);
    if (this._menu) this._menu.narrow = this._narrow;
  }

  set route(route) {
    this._route = route;
    this._readUrl();
  }

  connectedCallback() {
    this._visit = Symbol("visit");
    this._onLocation = () => this._readUrl();
    // Not at once: Home Assistant's own elements now end subscriptions by numbers of before, which new ones have got.
    this._onReady = () => setTimeout(() => this._subscribe(this._visit), 1000);
    window.addEventListener("location-changed", this._onLocation);
    window.addEventListener("popstate", this._onLocation);
    this.hass.connection.addEventListener("ready", this._onReady);
    this._start(this._visit).catch((err) => this._fail(err));
  }

  disconnectedCallback() {
    this._visit = undefined;
    clearTimeout(this._writing);
    window.removeEventListener("location-changed", this._onLocation);
    window.removeEventListener("popstate", this._onLocation);
    this.hass.connection.removeEventListener("ready", this._onReady);
    this._unsubscribe?.().catch(() => {});
    this._unsubscribe = undefined;
  }

  async _start(visit) {
    this._localize ??= await this.hass.loadBackendTranslation("config_panel", DOMAIN);
    const bots = await this.ask({ type: `${DOMAIN}/bots` });
    if (visit !== this._visit) return;
    this._bots = bots;
    this.names ??= new Names(this.hass, bots, this.text);
    this.store ??= new Store(this.names);
    if (!this._main) this._build();
    this._readUrl();
    await this._subscribe(visit);
  }

  /* After a restart, Home Assistant is there before the integration: so again until it is there as well. */
  async _subscribe(visit) {
    if (!this.store) return;
    for (let seconds = 0.5; visit && visit === this._visit; seconds = Math.min(2 * seconds, 10)) {
      try {
        const unsubscribe = await this.hass.connection.subscribeMessage(
          (batch) => this._receive(batch),
          { type: `${DOMAIN}/messages/subscribe` },
          { resubscribe: false },
        );
        if (visit === this._visit) this._unsubscribe = unsubscribe;
        else unsubscribe().catch(() => {});
        return;
      } catch (err) {
        if (err.code === "unauthorized") throw err;
        await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      }
    }
  }

  _build() {
    this._tabs = Object.keys(VIEWS).map((view) =>
      h("button", { type: "button", role: "tab", id: `tab-${view}`, onclick: () => this.open(view, {}) }, this.text(`tab.${view}`)),
    );
    this._menu = h("ha-menu-button", { hass: this.hass, narrow: this._narrow });
    this._main = h("div", { class: "view", role: "tabpanel" });
    const tabs = h("div", { class: "tabs", role: "tablist", onkeydown: (event) => this._onTabKey(event) }, this._tabs);
    fill(this.shadowRoot, h("style", {}, STYLE), h("header", { class: "top" }, this._menu, h("h1", {}, this.text("title")), tabs), this._main);
  }

  _onTabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const views = Object.keys(VIEWS);
    const to = (views.indexOf(this.view) + step + views.length) % views.length;
    this.open(views[to], {});
    this._tabs[to].focus();
  }

  /* The address of the page says what it shows, so that it can be kept, sent, and gone back from. */
  _readUrl() {
    if (!this._main) return;
    clearTimeout(this._writing);
    const view = (this._route?.path ?? "").split("/")[1] || location.pathname.split("/")[2];
    this.view = Object.hasOwn(VIEWS, view) ? view : "messages";
    const query = new URLSearchParams(location.search);
    this.state = Object.fromEntries([...new Set(query.keys())].map((key) => [key, query.get(key)]));
    for (const list of LISTS) if (query.has(list) && this.view === "messages") this.state[list] = query.getAll(list);
    this._show();
  }

  _show() {
    if (!(this.view in this._views)) this._views[this.view] = new VIEWS[this.view](this);
    const view = this._views[this.view];
    for (const tab of this._tabs) {
      const isPicked = tab.id === `tab-${this.view}`;
      tab.setAttribute("aria-selected", String(isPicked));
      tab.tabIndex = isPicked ? 0 : -1;
    }
    this._main.setAttribute("aria-labelledby", `tab-${this.view}`);
    if (this._main.firstChild !== view.element) {
      fill(this._main, view.element);
      view.load?.().catch((err) => this._fail(err));
    }
    view.update();
  }

  /** Change what the page shows, and its address. */
  setState(changes, replace = false) {
    this._go(this.view, { ...this.state, ...changes }, replace);
  }

  /** Open a view. */
  open(view, state) {
    this._go(view, state, false);
  }

  _go(view, state, replace) {
    clearTimeout(this._writing);
    this.view = view;
    this.state = state;
    this._show();
    // Browsers allow only so many changes of their address in a while.
    if (replace) this._writing = setTimeout(() => this._writeUrl("replaceState"), 200);
    else this._writeUrl("pushState");
  }

  _writeUrl(method) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(this.state)) {
      for (const each of Array.isArray(value) ? value : [value]) if (each) query.append(key, each);
    }
    const path = `${this._route?.prefix ?? `/${location.pathname.split("/")[1]}`}/${this.view}`;
    this._route = { ...this._route, path: `/${this.view}` };
    history[method](history.state, "", query.size ? `${path}?${query}` : path);
  }

  _receive(batch) {
    this.store.add(batch.messages);
    this.store.leftOut += batch.left_out ?? 0;
    // Home Assistant waits for a page that cannot keep up.
    this.ask({ type: `${DOMAIN}/messages/read`, subscription: batch.subscription }).catch(() => {});
    if (!batch.messages.every((row) => this.names.knows(row))) this._learn();
    if (this._isDue) return;
    this._isDue = true;
    requestAnimationFrame(() => {
      this._isDue = false;
      if (this.isConnected) this._views[this.view].update();
    });
  }

  /* Ask for the bots again, since one is new; those that are gone stay unknown. */
  _learn() {
    this._learning ??= this.ask({ type: `${DOMAIN}/bots` })
      .then((bots) => {
        this._bots = bots;
        this.names.learn(bots);
        if (this.isConnected) this._views[this.view].update();
      })
      .catch(() => {})
      .finally(() => setTimeout(() => (this._learning = undefined), 10_000));
  }

  clear() {
    this.store.clear();
    this._views.messages.resume();
    this._views.messages.update();
  }

  // What the views need of Home Assistant.

  /** The bots that run. */
  get bots() {
    return this._bots.filter((bot) => bot.is_running);
  }

  ask(message) {
    return this.hass.callWS(message);
  }

  /** Send a message to one bot, or to all that opened its address, and return the receipt. */
  send(address, content, botId) {
    return this.ask({ type: `${DOMAIN}/send`, address, content, ...(botId ? { config_entry_id: botId } : {}) });
  }

  /** Send a message as a bot, and return the receipt. */
  async sendAs(botId, address, content, external) {
    const data = { address, content, config_entry_id: botId, external };
    const call = { type: "call_service", domain: DOMAIN, service: "send", service_data: data, return_response: true };
    return (await this.ask(call)).response;
  }

  toast(message) {
    this.dispatchEvent(new CustomEvent("hass-notification", { detail: { message }, bubbles: true, composed: true }));
  }

  navigate(path) {
    history.pushState(null, "", path);
    window.dispatchEvent(new CustomEvent("location-changed", { detail: { replace: false } }));
  }

  link(path, name) {
    return h("a", { href: path, onclick: (event) => (event.preventDefault(), this.navigate(path)) }, name);
  }

  /** Return a time as the user writes times. */
  _time(iso, withDate = false) {
    const { language, time_format: format, time_zone: zone } = this.hass.locale;
    const options = { hour: "numeric", minute: "2-digit", second: "2-digit" };
    if (format === "12" || format === "24") options.hour12 = format === "12";
    if (zone === "server") options.timeZone = this.hass.config.time_zone;
    if (withDate) Object.assign(options, { year: "numeric", month: "short", day: "numeric", fractionalSecondDigits: 3 });
    return new Intl.DateTimeFormat(language, options).format(new Date(iso));
  }

  _fail(err) {
    const told = h("p", { class: "error", role: "alert" }, icon("alert-circle-outline"), err.message ?? String(err));
    fill(this._main ?? this.shadowRoot, told);
  }
}

customElements.define("datastream-bot-panel", DatastreamBotPanel);
