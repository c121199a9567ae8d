/** Time that is virtual: it passes when everything waits, and at once. */
export class Time {
  now = 1_800_000_000_000;
  #waiting = [];
  #order = 0;

  sleep(milliseconds) {
    return new Promise((resolve) => {
      this.#order += 1;
      this.#waiting.push({ at: this.now + milliseconds, order: this.#order, resolve });
      this.#waiting.sort((one, other) => one.at - other.at || one.order - other.order);
    });
  }

  /** Runs something to its end. */
  async run(work) {
    let over = false;
    const running = work().finally(() => {
      over = true;
    });
    // An error is told by the last line.
    running.catch(() => {});
    while (!over) {
      // What can go on without time goes on first: promises, and imports of modules.
      await new Promise((resolve) => setImmediate(resolve));
      if (over) break;
      const next = this.#waiting.shift();
      if (next === undefined) continue;
      this.now = next.at;
      next.resolve();
    }
    return await running;
  }
}
