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

/** Knows the names behind the ids in messages. */
export class Names {
  constructor(hass, bots, localize) {
    this._users = new Map();
    this.update(hass, bots);
    this._localize = localize;
  }

  update(hass, bots) {
    this._hass = hass;
    this._bots = new Map(bots.map((bot) => [bot.id, bot.name]));
    for (const state of Object.values(hass.states)) {
      const userId = state.attributes.user_id;
      if (userId && state.entity_id.startsWith("person.")) this._users.set(userId, state.attributes.friendly_name);
    }
    this._users.set(hass.user.id, hass.user.name);
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

  /** Return who sent a message: the most telling of what is known. */
  from(row) {
    if (row.home) return row.home;
    if (row.automation) return this.entity(row.automation);
    if (row.user_id) return this._users.get(row.user_id) ?? this._localize("from.user");
    if (row.sender) return this.bot(row.sender);
    return this.origin(row.origin);
  }

  /** Return the bots that a message concerns. */
  bots(row) {
    const ids = new Set(row.deliveries.map((delivery) => delivery.config_entry_id));
    if (row.sender) ids.add(row.sender);
    return [...ids].map((id) => this.bot(id));
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
  const parts = [row.address ?? "", summary(row), names.from(row), row.outcome, reason(row), ...names.bots(row)];
  return parts.join(" ").toLowerCase();
}
