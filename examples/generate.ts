/**
 * Writes the made-up company in this folder: `node examples/generate.ts` (Node 24), or with a folder as its argument to write it elsewhere.
 * The words are in `transcripts/`; this gives them the shapes of a Slack export and of native NDJSON. The same words give the same bytes.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CHANNELS, slackChannel } from './generator/channels.ts';
import { attachmentFiles } from './generator/files.ts';
import { integrationLogs } from './generator/integrations.ts';
import { PEOPLE, slackUser } from './generator/people.ts';
import { readRoutines } from './generator/routines.ts';
import { slackMessages } from './generator/slack.ts';
import { supportRecords } from './generator/support.ts';
import { readTranscript } from './generator/transcript.ts';

const here = import.meta.dirname;
const target = process.argv[2] ?? here;
const words = (path: string) => readFileSync(join(here, 'transcripts', path), 'utf8');

function write(path: string, content: string | Buffer) {
  const full = join(target, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

const writeJson = (path: string, value: unknown) => write(`brightwater-slack/${path}`, `${JSON.stringify(value, null, 1)}\n`);

function writeSlack() {
  rmSync(join(target, 'brightwater-slack'), { recursive: true, force: true });
  const routines = readRoutines(words('routines.txt'));
  writeJson('users.json', [...PEOPLE.values()].map(slackUser));
  const listed = { public: 'channels.json', private: 'groups.json', direct: 'dms.json', group: 'mpims.json' };
  for (const [kind, file] of Object.entries(listed))
    writeJson(file, CHANNELS.filter((each) => each.kind === kind).map(slackChannel));
  writeJson('integration_logs.json', integrationLogs());
  for (const channel of CHANNELS) {
    const told = channel.name === 'standup' ? [] : readTranscript(channel.name, words(`slack/${channel.name}.txt`));
    const days = new Map<string, unknown[]>();
    for (const { at, message } of slackMessages(channel, [...told, ...(routines.get(channel.name) ?? [])])) {
      const day = new Date(at).toISOString().slice(0, 10);
      days.set(day, [...(days.get(day) ?? []), message]);
    }
    for (const [day, messages] of days) writeJson(`${channel.folder}/${day}.json`, messages);
  }
}

function writeSupport() {
  rmSync(join(target, 'brightwater-files'), { recursive: true, force: true });
  for (const [name, content] of attachmentFiles()) write(`brightwater-files/${name}`, content);
  const lines = [{ type: 'header', schema: 'habeas-native/1' }, ...supportRecords(words('support.txt'))];
  write('brightwater-support.ndjson', lines.map((each) => `${JSON.stringify(each)}\n`).join(''));
}

writeSlack();
writeSupport();
