/** How a contender tells the benchmark where it is: it says `warm` after its first events, `done` after all, and stays. */
export class Milestones {
  constructor(private readonly warm: number, private readonly all: number) {}

  /** From the program's two arguments: how many events to warm up with, and how many to be measured with. */
  static fromArgs(): Milestones {
    const [warm, measured] = Deno.args.map(Number);
    return new Milestones(warm!, warm! + measured!);
  }

  isAt(events: number): boolean {
    return events === this.warm || events === this.all;
  }

  reached(events: number): void {
    if (events === this.warm) console.log("warm");
    else if (events === this.all) console.log("done");
  }
}
