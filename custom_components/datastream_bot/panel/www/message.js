/* One message, as the log tells it: what it says to people. */

export const OUTCOMES = ["handled", "failed", "refused", "running", "pending", "unheard"];

export const OUTCOME_ICONS = {
  handled: "check-circle-outline",
  failed: "alert-circle-outline",
  refused: "cancel",
  running: "progress-clock",
  pending: "home-clock-outline",
  unheard: "account-off-outline",
};

const ORIGIN_ICONS = {
  action: "play-circle-outline",
  assistant: "microphone-message",
  button: "gesture-tap-button",
  presence: "home-account",
  microservice: "robot-outline",
  webhook: "webhook",
  http: "web",
  cloud_api: "cloud-outline",
  mqtt: "home-group",
};

/** Knows the names behind the ids in messages. Two bots may have the same name, so all else goes by ids. */
export class Names {
  constructor(hass, bots, localize) {
    this._users = new Map();
    this._sources = new Map();
    this._localize = localize;
    this.update(hass);
    this.learn(bots);
  }

  update(hass) {
    this._hass = hass;
    this._users.set(hass.user.id, hass.user.name);
    for (const state of Object.values(hass.states)) {
      const userId = state.attributes.user_id;
      if (userId && state.entity_id.startsWith("person.")) this._users.set(userId, state.attributes.friendly_name);
    }
  }

  learn(bots) {
    this._bots = new Map(bots.map((bot) => [bot.id, bot.name]));
  }

  knows(row) {
    return this.bots(row).every((id) => this._bots.has(id));
  }

  bot(id) {
    return this._bots.get(id) ?? id;
  }

  origin(origin) {
    return this._localize(`origin.${origin}`) || origin;
  }

  entity(entityId) {
    return this._hass.states[entityId]?.attributes.friendly_name ?? entityId;
  }

  /** Return the ids of the bots that a message concerns. */
  bots(row) {
    const ids = new Set(row.deliveries.map((delivery) => delivery.config_entry_id));
    if (row.sender) ids.add(row.sender);
    return [...ids];
  }

  /** Return the id of who sent a message: the most telling of what is known. */
  source(row) {
    const [id, label] = this._sourceOf(row);
    this._sources.set(id, label);
    return id;
  }

  _sourceOf(row) {
    if (row.home) return [`home ${row.home}`, row.home];
    if (row.automation) return [row.automation, this.entity(row.automation)];
    if (row.user_id) return [row.user_id, this._users.get(row.user_id) ?? this._localize("from.user")];
    if (row.sender) return [row.sender, this.bot(row.sender)];
    return [row.origin, this.origin(row.origin)];
  }

  from(row) {
    return this._sources.get(this.source(row));
  }

  /** Return what people call a value of a facet. */
  label(facet, value) {
    if (facet === "bot") return this.bot(value);
    if (facet === "from") return this._sources.get(value) ?? value;
    return facet === "outcome" ? this._localize(`outcome.${value}`) : value;
  }
}

export function originIcon(row) {
  return row.automation ? "robot" : (ORIGIN_ICONS[row.origin] ?? "message-outline");
}

/** Return content on one line. */
export function summary(row) {
  if (row.refusal?.count > 1) return `${row.refusal.count} ×`;
  if (row.content === undefined) return "";
  return Object.entries(row.content)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ")
    .slice(0, 300);
}

/** Return the first reason why a message did not do what it should. */
export function reason(row) {
  return row.refusal?.error ?? row.refusal?.reason ?? row.deliveries.find((delivery) => delivery.error)?.error ?? "";
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** Return the text in which a search looks. */
export function searchable(row, names) {
  const parts = [row.address ?? "", summary(row), names.from(row), row.outcome, reason(row), ...names.bots(row).map((id) => names.bot(id))];
  return parts.join(" ").toLowerCase();
}
