import autocannon from 'autocannon';
import type { Result } from './measure.ts';

export interface Target {
  url: string;
  headers: Record<string, string>;
  /** One request each, in turn over all connections. */
  bodies: string[];
}

/** Asks once and answers the data; a load on a server that answers nonsense measures nothing. */
export async function ask<T>({ url, headers }: Omit<Target, 'bodies'>, body: string): Promise<T> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const answer = (await response.json()) as { data?: T; errors?: unknown };
  if (!answer.data || answer.errors) throw new Error(`${url} answered ${response.status} ${JSON.stringify(answer.errors)}`);
  return answer.data;
}

export interface Effort {
  connections: number;
  seconds: number;
  /** Ends the load before its time. */
  until?: Promise<unknown>;
}

/** Load by autocannon from this process: requests a second, and percentiles of the time to answer in milliseconds. */
export async function load({ url, headers, bodies }: Target, { connections, seconds, until }: Effort): Promise<Result> {
  let next = 0;
  const running = autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    requests: [{ setupRequest: (request) => ({ ...request, body: bodies[next++ % bodies.length]! }) }],
  });
  // Who waits for it hears of its failure.
  const stop = (): void => running.stop();
  void until?.then(stop, stop);
  const result = await running;
  if (result.non2xx || result.errors)
    throw new Error(`${url}: ${result.non2xx} answers were not 200, ${result.errors} requests failed`);
  return { perSecond: result.requests.total / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}
