import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { sendTogether } from '../../src/database/one-packet.ts';

test('what is written in one turn of the event loop is sent at once, in its order, whoever corks it beside', async () => {
  const sent: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      sent.push(String(chunk));
      done();
    },
    writev: (chunks, done) => {
      sent.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  sendTogether(stream as never);
  stream.write('a');
  stream.cork();
  stream.write('b');
  stream.uncork();
  await Promise.resolve();
  stream.write('c');
  expect(sent).toEqual([]);
  await turn();
  expect(sent).toEqual(['abc']);
  stream.write('d');
  await turn();
  expect(sent).toEqual(['abc', 'd']);
  const large = 'e'.repeat(20_000);
  stream.write('e');
  stream.write(large);
  expect(sent.slice(2)).toEqual([`e${large}`]);
  stream.write('f');
  expect(sent).toHaveLength(3);
  await turn();
  expect(sent.slice(3)).toEqual(['f']);
});
