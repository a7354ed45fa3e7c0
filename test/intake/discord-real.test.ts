import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { importDiscord } from '../../src/intake/discord.importer.ts';

const archive = join(process.env['HABEAS_TEST_DATA'] ?? '../shared/data', 'discord-komodo.tar.xz');
const missing = existsSync(archive) ? undefined : `there is no ${archive}`;
const skipped = missing ?? (process.env['HABEAS_LONG'] === '1' ? undefined : 'it takes minutes; set HABEAS_LONG=1');
if (skipped) console.warn(`SKIPPED: the real Discord export is not tested: ${skipped}.`);

(skipped ? test.skip : test)(
  'the counts of a real Discord export are the independent ones',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'habeas-discord-'));
    execFileSync('tar', ['xJf', archive, '-C', folder]);
    const count = { messages: 0, empty: 0, bytes: 0, links: 0, nuls: 0, renamed: 0 };
    const people = new Set<string>();
    const channels = new Set<string>();
    const ids = new Set<string>();
    for await (const event of importDiscord(folder)) {
      if (event.kind === 'warning' && event.message.includes('NUL')) count.nuls += 1;
      if (event.kind === 'warning' && event.message.includes('names in this export')) count.renamed += 1;
      if (event.kind !== 'record') continue;
      const { record } = event;
      if (record.type === 'user') people.add(record.externalId);
      if (record.type === 'conversation') channels.add(record.externalId);
      if (record.type !== 'message') continue;
      ids.add(`${record.conversation} ${record.externalId}`);
      count.messages += 1;
      count.empty += record.body === '' ? 1 : 0;
      count.bytes += Buffer.byteLength(record.body);
      count.links += record.attachments.length;
    }
    rmSync(folder, { recursive: true });
    // Each of the 5 NUL bytes became U+FFFD, which is 3 bytes.
    expect(count).toEqual({ messages: 704_597, empty: 35_996, bytes: 55_106_090 + 5 * 2, links: 5860, nuls: 5, renamed: 5 });
    expect({ people: people.size, channels: channels.size, ids: ids.size }).toEqual({
      people: 4058,
      channels: 114,
      ids: 704_597,
    });
  },
  600_000,
);
