import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openedPages, type Walk } from '../../src/rights/package/walk.ts';
import type { Session } from '../../src/scope/in-scope.ts';

const LAST = 6;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

interface Course {
  connections?: number;
  failingRead?: number;
  failingOpening?: number;
  openingMs?: number;
  stopAfter?: number;
  abortAfter?: number;
  consumerMs?: number;
  pages?: number;
}

/** Walks over pages that are numbers, through a pool of a few connections, and tells what came of it. */
async function walk(course: Course) {
  const free: (() => void)[] = [];
  let held = 0;
  const take = async (): Promise<void> => {
    if (held < (course.connections ?? 2)) held += 1;
    else await new Promise<void>((goOn) => free.push(goOn));
  };
  const give = (): void => {
    const next = free.shift();
    if (next) next();
    else held -= 1;
  };
  const stop = new AbortController();
  const opened: number[] = [];
  const read: Walk['read'] = async (act) => {
    await take();
    try {
      return await act({ db: { query: async () => pause(1, []) }, scope: { level: 'app' } } as unknown as Session);
    } finally {
      await pause(1);
      give();
    }
  };
  const pages = openedPages<number, string>(
    { read, signal: stop.signal } as Walk,
    async (_session, before = 0) => {
      await pause(2);
      if (course.failingRead === before + 1) throw new Error(`reading ${before + 1}`);
      return before < (course.pages ?? LAST) ? before + 1 : undefined;
    },
    async (_session, page) => {
      opened.push(page);
      await pause(course.openingMs ?? 1);
      if (course.failingOpening === page) throw new Error(`opening ${page}`);
      return `page ${page}`;
    },
  );
  const got: string[] = [];
  const failure = await (async () => {
    for await (const page of pages) {
      got.push(page);
      if (course.consumerMs) await pause(course.consumerMs);
      if (got.length === course.stopAfter) break;
      if (got.length === course.abortAfter) stop.abort(new Error('stopped'));
    }
    return undefined;
  })().catch((error: Error) => error.message);
  return { got, failure, held, inOrder: opened.every((page, nth) => page === nth + 1) };
}

const upTo = (last: number): string[] => Array.from({ length: last }, (_, nth) => `page ${nth + 1}`);

test.each<[string, Course, string[], string | undefined]>([
  ['as they come', {}, upTo(LAST), undefined],
  ['through one connection', { connections: 1 }, upTo(LAST), undefined],
  ['none', { pages: 0 }, [], undefined],
  ['for a slow consumer', { consumerMs: 10 }, upTo(LAST), undefined],
  ['where opening is slow', { openingMs: 10 }, upTo(LAST), undefined],
  ['until the first cannot be read', { failingRead: 1 }, [], 'reading 1'],
  ['until one cannot be read', { failingRead: 3 }, upTo(2), 'reading 3'],
  ['until one cannot be read while the one before is opened', { failingRead: 2, openingMs: 10 }, upTo(1), 'reading 2'],
  ['until the first cannot be opened', { failingOpening: 1, openingMs: 10 }, [], 'opening 1'],
  ['until one cannot be opened', { failingOpening: 2 }, upTo(1), 'opening 2'],
  ['until the consumer stops', { stopAfter: 2 }, upTo(2), undefined],
  ['until they are called off', { abortAfter: 2 }, upTo(2), 'stopped'],
])('pages are read %s, in order, and no connection is kept', async (_, course, got, failure) => {
  expect(await walk(course)).toEqual({ got, failure, held: 0, inOrder: true });
  await pause(20);
  expect(unhandled).toEqual([]);
});
