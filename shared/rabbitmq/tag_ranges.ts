/** A set of delivery tags that takes no more room than it has gaps. */
export class TagRanges {
  /** Of each range without a gap its last tag by its first, and the other way round. */
  readonly #lastOf = new Map<number, number>();
  readonly #firstOf = new Map<number, number>();
  #size = 0;

  /** How many tags. */
  get size(): number {
    return this.#size;
  }

  /** How many ranges. */
  get ranges(): number {
    return this.#lastOf.size;
  }

  /** @param tag one that is not in it yet */
  add(tag: number): void {
    const first = this.#firstOf.get(tag - 1) ?? tag;
    const last = this.#lastOf.get(tag + 1) ?? tag;
    this.#firstOf.delete(tag - 1);
    this.#lastOf.delete(tag + 1);
    this.#lastOf.set(first, last);
    this.#firstOf.set(last, first);
    this.#size++;
  }

  /**
   * Removes the range that begins with this tag.
   * @returns its last tag; `undefined` if none begins there
   */
  takeFrom(first: number): number | undefined {
    const last = this.#lastOf.get(first);
    if (last === undefined) return undefined;
    this.#lastOf.delete(first);
    this.#firstOf.delete(last);
    this.#size -= last - first + 1;
    return last;
  }
}
