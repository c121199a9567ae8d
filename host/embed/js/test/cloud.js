/** A cloud of one account, for the tests of keepers. */

/** What the client throws for an answer that is not a success. */
export class Answer extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A cloud of one account, as its client sees it, and the one session that there is with it. */
export class Cloud {
  words = 'Key not authorized: Token is expired';
  grants = 0;
  grantIsDead = false;
  #time;
  #unwell = 0;
  #good = 1;
  #token = 1;
  #barrier;
  #hold;

  constructor(time) {
    this.#time = time;
  }

  /** Every token given out so far is refused from now on. */
  expire() {
    this.#good += 1;
  }

  /** The token expires when so many requests have arrived, which are refused then. */
  expireInFlight(requests) {
    let open;
    this.#barrier = { requests, opened: new Promise((resolve) => (open = resolve)), open: () => open() };
  }

  unwell(answers) {
    this.#unwell = answers;
  }

  /** The next so many requests of this kind, `read` or `refresh`, are not answered before they are released. */
  hold(what, requests) {
    const hold = { what, missing: requests };
    hold.arrived = new Promise((resolve) => (hold.complete = resolve));
    hold.released = new Promise((resolve) => (hold.release = resolve));
    this.#hold = hold;
    return hold;
  }

  async #held(what) {
    const hold = this.#hold;
    if (hold?.what !== what) return;
    hold.missing -= 1;
    if (hold.missing === 0) {
      this.#hold = undefined;
      hold.complete();
    }
    await hold.released;
  }

  async read() {
    const token = this.#token;
    await this.#time.sleep(50);
    await this.#held('read');
    const barrier = this.#barrier;
    if (barrier && token === this.#good) {
      barrier.requests -= 1;
      if (barrier.requests === 0) {
        this.#barrier = undefined;
        this.expire();
        barrier.open();
      }
      await barrier.opened;
    }
    if (token !== this.#good) throw new Answer(401, this.words);
    if (this.#unwell > 0) {
      this.#unwell -= 1;
      throw new Answer(503, 'Service Unavailable');
    }
    return 'read';
  }

  async renew() {
    this.grants += 1;
    await this.#time.sleep(50);
    await this.#held('refresh');
    if (this.grantIsDead) throw new Answer(400, 'Refresh token is invalid', '4002');
    this.#token = this.#good;
  }
}

/** What is known of a failure of this cloud’s. */
export function facts(error, asked) {
  if (!(error instanceof Answer)) return undefined;
  const oauth = asked.phase === 'refresh' && error.status === 400 ? { oauthError: 'invalid_grant' } : {};
  const code = error.code === undefined ? {} : { code: error.code };
  const body = error.status === 503 ? 'html' : 'json';
  const { message, status: httpStatus } = error;
  return { ...asked, certainty: 'rejected', message, httpStatus, body, ...code, ...oauth };
}
