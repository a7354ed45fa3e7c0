/** How long what was looked up is believed, counted from when the question was sent. */
const BELIEVED_MS = 2_000;
/** From this age on it is asked for anew, while it is still believed: who comes often does not wait. */
const ASKED_AGAIN_MS = 1_000;
const MOST = 10_000;

interface Held<T> {
  value: Promise<T>;
  since: number;
}

/**
 * What was looked up lately, by name. Everybody who asks for the same at the same time waits for one answer, and nobody gets one to a question that was
 * sent more than two seconds before theirs. A failure is told to those who wait for it, and forgotten.
 */
export class Beliefs<T> {
  readonly #believed = new Map<string, Held<T>>();
  readonly #asked = new Map<string, Held<T>>();

  get(name: string, lookUp: () => Promise<T>): Promise<T> {
    const now = performance.now();
    const believed = this.#believed.get(name);
    const isFresh = believed && now < believed.since + BELIEVED_MS;
    if (isFresh && now < believed.since + ASKED_AGAIN_MS) return believed.value;
    const asked = this.#asked.get(name);
    const next = asked && now < asked.since + BELIEVED_MS ? asked : this.#ask(name, lookUp, now);
    return isFresh ? believed.value : next.value;
  }

  #ask(name: string, lookUp: () => Promise<T>, now: number): Held<T> {
    const asked = { value: lookUp(), since: now };
    if (this.#asked.size >= MOST) this.#asked.clear();
    this.#asked.set(name, asked);
    const leave = (): void => {
      if (this.#asked.get(name) === asked) this.#asked.delete(name);
    };
    const keep = (): void => {
      leave();
      if (this.#believed.size >= MOST) this.#believed.clear();
      this.#believed.set(name, asked);
    };
    asked.value.then(keep, leave);
    return asked;
  }
}
