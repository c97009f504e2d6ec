/** The DOM functions that the page uses. They insert text as text, never as markup. */

/**
 * Returns the element that the markup has under this id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return /** @type {T} */ (found);
}

/**
 * Changes the document only when the text differs.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {string} id
 * @param {string} text
 */
export function setTextOf(id, text) {
  setText(byId(id), text);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * `draw` runs at most once a frame, however often the result is called, and not while the page is hidden.
 * @param {() => void} draw
 */
export function oncePerFrame(draw) {
  let due = 0;
  return () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      draw();
    });
  };
}
