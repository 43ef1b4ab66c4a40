/* Making elements. Text is always set as text, never as HTML: messages come from anywhere. */

/** Return an element with these properties, attributes (those with a hyphen), listeners (those with `on`) and children. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  fill(element, ...children);
  return element;
}

/** Return one of Home Assistant's icons, which a screen reader passes over. */
export function icon(name, extra = "") {
  return h("ha-icon", { icon: `mdi:${name}`, class: extra, "aria-hidden": "true" });
}

/** Return a button with an icon and a label; on a narrow page the label is only read out. */
export function button(label, iconName, onclick, props = {}) {
  return h("button", { type: "button", class: "action", title: label, onclick, ...props }, icon(iconName), h("span", {}, label));
}

/** Return an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/** Replace what is in an element; lists are taken apart, and what is nothing is left out. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child || child === 0));
}

/** Make the children of an element those of a list of keys, and leave alone those that are there: they may be in use. */
export function reconcile(element, keys, make) {
  const known = new Map([...element.children].map((child) => [child.dataset.key, child]));
  for (const [key, child] of known) if (!keys.includes(key)) child.remove();
  keys.forEach((key, at) => {
    const child = known.get(key) ?? make(key);
    child.dataset.key = key;
    if (element.children[at] !== child) element.insertBefore(child, element.children[at] ?? null);
  });
}

/** Put a text into the clipboard, and return whether it is there. */
export async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    return false;
  }
  // Without a secure connection, a browser has only the old way.
  const area = h("textarea", { value: text, "aria-hidden": "true", style: "position: fixed; opacity: 0" });
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
