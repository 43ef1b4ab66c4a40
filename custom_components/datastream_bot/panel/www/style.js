/* The looks of the page: Home Assistant's own colors and sizes, light and dark. */

export const STYLE = `
:host {
  display: flex; flex-direction: column; overflow: hidden;
  height: calc(100dvh - var(--safe-area-inset-top, 0px) - var(--safe-area-inset-bottom, 0px));
  background: var(--primary-background-color); color: var(--primary-text-color);
  font-family: var(--ha-font-family-body, sans-serif); font-size: var(--ha-font-size-m, 14px);
}
* { box-sizing: border-box; }
h1, h2, h3, p, ul, dl { margin: 0; }
ul { padding: 0; list-style: none; }
pre, code { font-family: var(--ha-font-family-code, monospace); font-size: 13px; }
/* Home Assistant's colors are for icons and lines: as text on its backgrounds, some are too pale to be read by everybody. */
a, .link { color: inherit; text-decoration: underline; text-decoration-color: var(--primary-color); }
button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer; }
.link { padding: 0; }
:focus-visible { outline: 2px solid var(--primary-color); outline-offset: -2px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.top {
  display: flex; align-items: center; gap: 8px; height: var(--header-height, 56px); flex: none; padding-inline: 4px 16px;
  background: var(--app-header-background-color, var(--primary-color)); color: var(--app-header-text-color, #fff);
  border-block-end: 1px solid var(--divider-color);
}
.top h1 { font-size: 20px; font-weight: 400; flex: 1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tabs { display: flex; height: 100%; }
.tabs button { padding: 0 16px; height: 100%; border-block-end: 3px solid transparent; }
.tabs button[aria-selected="true"] { border-color: currentColor; font-weight: 500; }
.view { flex: 1; min-height: 0; display: flex; }
.view > * { flex: 1; min-width: 0; }

.messages { display: flex; flex-direction: column; }
.toolbar { display: flex; flex-wrap: wrap; gap: 8px; padding: 8px 16px; align-items: center; }
input[type="search"], select, textarea {
  font: inherit; color: inherit; background: var(--card-background-color); border: 1px solid var(--divider-color);
  border-radius: 8px; padding: 8px 12px; min-width: 0;
}
.toolbar input[type="search"] { flex: 1 1 180px; }
.actions { display: flex; gap: 4px; flex-wrap: wrap; }
.action { display: inline-flex; align-items: center; gap: 6px; padding: 8px; border-radius: 8px; }
.action:hover { background: var(--secondary-background-color); }
.action[aria-pressed="true"] { background: color-mix(in srgb, var(--primary-color) 20%, transparent); }
.action ha-icon { --mdc-icon-size: 20px; color: var(--primary-color); }
.facet { position: relative; }
.facet summary {
  list-style: none; cursor: pointer; padding: 7px 12px; border: 1px solid var(--divider-color); border-radius: 8px;
  background: var(--card-background-color);
}
.facet summary::-webkit-details-marker { display: none; }
.choices {
  position: absolute; z-index: 2; inset-inline-start: 0; min-width: 200px; max-width: 80vw; max-height: 320px; overflow: auto; padding: 8px;
  background: var(--card-background-color); border: 1px solid var(--divider-color); border-radius: 8px;
  box-shadow: 0 4px 16px rgb(0 0 0 / 25%);
}
.choices label { display: flex; gap: 8px; padding: 6px 4px; align-items: center; cursor: pointer; }
.choices label span { flex: 1; overflow-wrap: anywhere; }
.choices small { color: var(--secondary-text-color); }
.status, .microservices { padding: 0 16px 8px; color: var(--secondary-text-color); overflow-wrap: anywhere; }
.microservices:empty { display: none; }

.columns { display: flex; flex: 1; min-height: 0; border-block-start: 1px solid var(--divider-color); }
.list { flex: 1; min-width: 0; overflow-y: auto; background: var(--card-background-color); }
.spacer { position: relative; min-height: 100%; }
.row {
  position: absolute; inset-inline: 0; height: 48px; display: grid; align-items: center; gap: 12px; padding-inline: 16px;
  grid-template-columns: 24px 90px minmax(0, 3fr) minmax(0, 1.4fr) minmax(0, 1fr) 64px; cursor: pointer;
  border-block-end: 1px solid var(--divider-color);
}
.has-details .row { grid-template-columns: 24px 90px minmax(0, 2fr) minmax(0, 1fr); }
.has-details .row .to, .has-details .row .duration { display: none; }
.row:hover, .item:hover { background: var(--secondary-background-color); }
.row.picked, .item.picked { background: color-mix(in srgb, var(--primary-color) 15%, transparent); }
.row > * { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; unicode-bidi: plaintext; }
.row .outcome { position: relative; }
.address b, .address small { display: block; overflow: hidden; text-overflow: ellipsis; unicode-bidi: plaintext; }
.address b { font-weight: 500; }
small, .from, .to, .duration, time { color: var(--secondary-text-color); }
.from ha-icon { --mdc-icon-size: 16px; margin-inline-end: 6px; }
.duration { text-align: end; }
.empty { padding: 16px; color: var(--secondary-text-color); }
.handled > ha-icon, .handled .outcome ha-icon, ha-icon.handled { color: var(--success-color); }
.failed > ha-icon, .failed .outcome ha-icon, ha-icon.failed { color: var(--error-color); }
.refused > ha-icon, .refused .outcome ha-icon, ha-icon.refused { color: var(--error-color); }
.unheard > ha-icon, .unheard .outcome ha-icon, ha-icon.unheard, ha-icon.warning { color: var(--warning-color); }
.running > ha-icon, .pending > ha-icon, .running .outcome ha-icon, .pending .outcome ha-icon { color: var(--info-color); }

.details {
  display: none; width: min(460px, 45%); overflow-y: auto; padding: 16px; border-inline-start: 1px solid var(--divider-color);
}
.has-details .details { display: flex; flex-direction: column; gap: 12px; }
.details > * { flex-shrink: 0; }
.details header { display: flex; justify-content: space-between; align-items: center; }
.details h2 { font-size: 20px; font-weight: 400; overflow-wrap: anywhere; }
.details h3 { font-size: 14px; font-weight: 500; margin-block-start: 8px; }
.details dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 6px 16px; }
.details dt { color: var(--secondary-text-color); }
.details dd { margin: 0; overflow-wrap: anywhere; }
.details pre {
  margin: 0; padding: 12px; max-height: 320px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--secondary-background-color); border-radius: 8px; unicode-bidi: plaintext;
}
.details .empty { padding: 0; }
.deliveries li, .chain li { display: flex; gap: 8px; padding-block: 6px; }
.deliveries li > div { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 4px; }
.error, .warning { padding-inline-start: 8px; border-inline-start: 3px solid var(--warning-color); overflow-wrap: anywhere; }
.error { border-color: var(--error-color); }
ha-icon.warning { padding: 0; border: 0; }
table { border-collapse: collapse; text-align: start; }
th, td { text-align: start; vertical-align: top; padding: 6px 8px 6px 0; border-block-end: 1px solid var(--divider-color); font-weight: 400; }
thead th { color: var(--secondary-text-color); }

.item {
  display: flex; gap: 12px; align-items: center; width: 100%; min-height: 48px; padding: 6px 16px; text-align: start;
  border-block-end: 1px solid var(--divider-color);
}
.item .address { flex: 1; min-width: 0; }
.count { color: var(--secondary-text-color); min-width: 2ch; text-align: end; }
.trial { display: flex; flex-direction: column; gap: 12px; }
.trial label { display: flex; flex-direction: column; gap: 4px; }
.primary {
  align-self: start; padding: 10px 20px; border-radius: 20px; color: #fff;
  background: color-mix(in srgb, var(--primary-color) 70%, #000);
}

.map { overflow: auto; padding: 16px; }
.map .status { padding-inline: 0; }
.picture svg { width: 100%; max-width: 1200px; min-width: 640px; background: var(--card-background-color); border-radius: 12px; padding: 16px; }
.picture text { fill: var(--primary-text-color); font-size: 14px; }
.picture .head { fill: var(--secondary-text-color); }
.picture .count { text-anchor: end; fill: var(--secondary-text-color); }
.place { cursor: pointer; }
.place rect { fill: var(--secondary-background-color); stroke: var(--divider-color); }
.place:hover rect, .place:focus rect { stroke: var(--primary-color); }
.place.bad rect { stroke: var(--error-color); }
.line { fill: none; stroke: var(--primary-color); opacity: 0.45; }
.line.bad { stroke: var(--error-color); opacity: 0.7; }

:host([narrow]) .top h1 { display: none; }
:host([narrow]) .tabs { flex: 1; }
:host([narrow]) .tabs button { flex: 1; padding: 0 4px; }
:host([narrow]) .toolbar { padding-inline: 8px; }
:host([narrow]) .toolbar .action span { display: none; }
:host([narrow]) .row { grid-template-columns: 24px 74px minmax(0, 1fr); padding-inline: 8px; }
:host([narrow]) .row .from, :host([narrow]) .row .to, :host([narrow]) .row .duration { display: none; }
:host([narrow]) .has-details .list { display: none; }
:host([narrow]) .details { width: 100%; border: 0; }
`;
