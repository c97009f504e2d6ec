/** A row of figures as a row of bars. */

const bars = "▁▂▃▄▅▆▇█";

/**
 * Of more figures than there is room for, each bar is the highest of some: a spike stays to be seen.
 * @param figures oldest first; `null` is a gap
 * @param width most characters
 * @returns as many characters as there are figures, and no more than `width`
 */
export function sparkline(figures: readonly (number | null)[], width: number): string {
  const length = Math.min(figures.length, Math.max(0, Math.floor(width)));
  const shown = Array.from({ length }, (_, n) => {
    const some = figures.slice(Math.floor(n * figures.length / length), Math.floor((n + 1) * figures.length / length));
    return highest(some);
  });
  const most = highest(shown) ?? 0;
  return shown.map((figure) => {
    if (figure === null) return " ";
    return bars[most === 0 ? 0 : Math.min(bars.length - 1, Math.floor(figure / most * bars.length))];
  }).join("");
}

/** `null` where nothing is known. */
export function highest(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? null : Math.max(...known);
}
