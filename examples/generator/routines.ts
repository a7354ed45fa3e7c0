import { chance, wallClock } from './chance.ts';
import type { Chance } from './chance.ts';
import { spokenLine } from './transcript.ts';
import type { Line } from './transcript.ts';

type Lists = ReadonlyMap<string, string[]>;

/** `[name]`, then one entry a line. */
function readLists(source: string): Lists {
  const lists = new Map<string, string[]>();
  let current: string[] = [];
  for (const text of source.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const head = /^\[(\w+)\]$/.exec(text);
    if (head) lists.set(head[1]!, (current = []));
    else current.push(text);
  }
  return lists;
}

/** Working days from 2 March to 24 April 2026, without Easter Monday, as "03-02". */
function workingDays(): string[] {
  const days: string[] = [];
  for (let at = Date.UTC(2026, 2, 2); at <= Date.UTC(2026, 3, 24); at += 86_400_000) {
    const day = new Date(at);
    if (day.getUTCDay() % 6 !== 0) days.push(day.toISOString().slice(5, 10));
  }
  return days.filter((day) => day !== '04-06');
}

const fill = (text: string, lists: Lists, { int, pick }: Chance): string =>
  text
    .replace(/\{(\d+)-(\d+)\}/g, (_, low: string, high: string) => String(int(Number(low), Number(high))))
    .replace(/\{(\w+)\}/g, (_, name: string) => pick(lists.get(name)!));

/** Who likes a routine line, in the channels that not everybody is in. */
const CHEERERS: Record<string, string[]> = { 'support-desk': ['lena', 'saskia', 'mirthe'], firmware: ['priya', 'leon', 'lena'] };
const CHEERS = ['+1', 'muscle', 'coffee', 'raised_hands', 'sunny', 'eyes', 'heart'];

/** What people and bots write day by day: stand-up, soup, counts, builds and parcels. */
export function readRoutines(source: string): ReadonlyMap<string, Line[]> {
  const lists = readLists(source);
  const channels = new Map<string, Line[]>();
  const random = chance('routines');
  const { int, pick } = random;
  const say = (channel: string, time: string, handle: string, raw: string) => {
    const added = spokenLine(channel, wallClock(time) + int(0, 50) * 1000, handle, raw, 'message');
    if (int(1, 7) === 1) {
      const others = (CHEERERS[channel] ?? ['lena', 'kofi', 'joost']).filter((each) => each !== handle);
      added.reactions.push({ name: pick(CHEERS), handles: others.slice(0, int(1, others.length)) });
    }
    channels.set(channel, [...(channels.get(channel) ?? []), added]);
  };
  const two = (low: number, high: number) => String(int(low, high)).padStart(2, '0');
  const spoken = (name: string) => pick(lists.get(name)!).split(' | ') as [string, string];

  let unsaid: string[] = [];
  workingDays().forEach((day, index) => {
    const early = new Set<string>();
    for (let minute = 1; early.size < 5; minute += int(1, 5)) {
      if (unsaid.length < 12) unsaid = unsaid.concat(lists.get('standup')!);
      const next = unsaid.filter((each) => !early.has(each.split(' | ')[0]!));
      const chosen = pick(next);
      unsaid.splice(unsaid.indexOf(chosen), 1);
      const [handle, text] = chosen.split(' | ') as [string, string];
      early.add(handle);
      say('standup', `${day} 09:${String(minute).padStart(2, '0')}`, handle, text);
    }
    const soup = lists.get('soup')![index % lists.get('soup')!.length]!;
    const [cook, menu] = spoken('soupline');
    say('random', `${day} 11:${two(5, 55)}`, cook, menu.replace('{soup}', soup));
    say('support-desk', `${day} 17:${two(30, 58)}`, ...filled('queue'));
    say('workshop', `${day} 16:${two(31, 59)}`, ...filled('stands'));
    const build = fill(
      pick(lists.get('build')!).replace('{build}', `2.${day < '04-14' ? 4 : 5}.0-${1180 + index}`),
      lists,
      random,
    );
    say('firmware', `${day} 03:12`, 'torque', build);
    say('supply-chain', `${day} 10:${two(1, 59)}`, 'pigeon', fill(pick(lists.get('parcel')!), lists, random));
  });
  return channels;

  function filled(name: string): [string, string] {
    const [handle, text] = spoken(name);
    return [handle, fill(text, lists, random)];
  }
}
