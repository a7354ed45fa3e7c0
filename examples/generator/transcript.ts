import { chance, stamp, wallClock } from './chance.ts';
import { byHandle } from './people.ts';

export interface Upload {
  name: string;
  size: number;
  title: string;
  comment?: string;
}

/** One line that somebody wrote, before it takes Slack's shape. */
export interface Line {
  handle: string;
  raw: string;
  at: number;
  ts: string;
  kind: 'message' | 'me' | 'tombstone' | 'join' | 'leave' | 'topic' | 'purpose' | 'archive';
  /** The first line of the thread that this one answers. */
  parent?: Line;
  broadcast?: boolean;
  edited?: number;
  oldMentions?: boolean;
  reactions: { name: string; handles: string[] }[];
  files: Upload[];
}

const SPOKEN = /^(>>? |\* )?([a-z]+): (.*)$/s;
const EVENT = /^= (join|leave|topic|purpose|archive) ([a-z]+)(?:: (.*))?$/;

const line = (channel: string, at: number, handle: string, raw: string, kind: Line['kind']): Line => ({
  handle,
  raw,
  at,
  ts: stamp(at, `${channel}/${at}/${handle}/${raw}`),
  kind,
  reactions: [],
  files: [],
});

/** `! name size Title | comment`, for the line above it. */
function upload(text: string): Upload {
  const match = /^(\S+) (\d+) ([^|]+?)(?: \| (.*))?$/.exec(text);
  if (!match) throw new Error(`Not a file: ${text}`);
  return { name: match[1]!, size: Number(match[2]), title: match[3]!, ...(match[4] ? { comment: match[4] } : {}) };
}

/** What stands under a line and belongs to it: reactions, files, an edit, the old form of mentions. */
function annotate(last: Line, text: string, seconds: number): boolean {
  if (text.startsWith('+ ')) {
    const [name, ...handles] = text.slice(2).split(' ') as [string, ...string[]];
    last.reactions.push({ name, handles: handles.map((handle) => byHandle(handle).handle) });
  } else if (text.startsWith('! ')) last.files.push(upload(text.slice(2)));
  else if (text === '~') last.edited = last.at + seconds * 1000;
  else if (text === '^') last.oldMentions = true;
  else return false;
  return true;
}

/** Reads one of the transcripts in `transcripts/slack` (the README says how they are written). */
export function readTranscript(channel: string, source: string): Line[] {
  const { int } = chance(`transcript/${channel}`);
  const lines: Line[] = [];
  let clock = 0;
  let parent: Line | undefined;
  for (const text of source.split('\n').filter((each) => each !== '')) {
    if (text.startsWith('@ ')) {
      const next = wallClock(text.slice(2));
      if (next <= clock) throw new Error(`${channel}: time runs backwards at ${text}`);
      clock = next;
      continue;
    }
    const last = lines.at(-1);
    if (last && annotate(last, text, int(40, 600))) continue;
    const spoken = SPOKEN.exec(text);
    const event = EVENT.exec(text);
    if (spoken) {
      const [, mark, handle, raw] = spoken as unknown as [string, string | undefined, string, string];
      const added = line(channel, clock, handle, raw.replaceAll('\\n', '\n'), mark === '* ' ? 'me' : 'message');
      if (mark?.startsWith('>')) Object.assign(added, { parent, broadcast: mark === '>> ' });
      else parent = added;
      lines.push(added);
    } else if (event) lines.push(line(channel, clock, event[2]!, event[3] ?? '', event[1] as Line['kind']));
    else if (text === 'x') lines.push((parent = line(channel, clock, 'USLACKBOT', '', 'tombstone')));
    else throw new Error(`${channel}: cannot read "${text}"`);
    clock += int(25, 280) * 1000;
  }
  return lines;
}

export { line as spokenLine };
