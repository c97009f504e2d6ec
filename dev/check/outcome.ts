/**
 * What the gate says when all steps have run. A step that could not be asked keeps nothing back, but is named: where that is
 * so each time, as with a registry's mirror that has no advisories, nobody has asked at all.
 * @param broken titles of steps that failed
 * @param notAsked titles of steps whose failure was tolerated
 */
export function outcomeOf(broken: readonly string[], notAsked: readonly string[]): string {
  const unasked = notAsked.length > 0 ? [`Could not be asked: ${notAsked.join(", ")}.`] : [];
  if (broken.length > 0) return [`Not well: ${broken.join(", ")}.`, ...unasked].join(" ");
  return [unasked.length > 0 ? "All else is well." : "All is well.", ...unasked].join(" ");
}
