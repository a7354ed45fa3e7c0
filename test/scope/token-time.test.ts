import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { claims, forger, present } from './forge.ts';
import { hmacKey, openTenants, otherKeys } from './token.support.ts';

const LONG = process.env['HABEAS_LONG'] === '1';
const ROUNDS = LONG ? 2_000 : 20;

/** The median and the middle half of times in milliseconds. */
function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(3);
  return `${at(0.5)} ms (${at(0.25)} to ${at(0.75)})`;
}

test('a token of an unknown key takes as long to refuse as a bad signature: measured and reported, not judged', async () => {
  const { world, tenant } = await openTenants();
  try {
    const [, hsKid] = await hmacKey(world, 'TENANT_ADMIN', tenant);
    const { rsKid, esKid } = await otherKeys(world, tenant);
    const keys = {
      HS256: [hsKid, 'x'.repeat(64)],
      RS256: [rsKid, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
      ES256: [esKid, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    } as const;
    const lines: string[] = [];
    for (const [algorithm, [kid, key]] of Object.entries(keys)) {
      const last = kid.at(-1) === 'A' ? 'B' : 'A';
      const kinds = { known: kid, unknown: kid.slice(0, -1) + last };
      const times: Record<string, number[]> = { known: [], unknown: [] };
      const answers = new Set<string>();
      for (let round = 0; round < ROUNDS; round += 1)
        for (const [kind, name] of Object.entries(kinds)) {
          const token = forger(name, algorithm as 'HS256', key as string)(claims({ scope: 'tenant', tenant }));
          const from = performance.now();
          answers.add(JSON.stringify(await present(world.server, { authorization: `Bearer ${token}` })));
          times[kind]!.push(performance.now() - from);
        }
      expect(answers.size).toBe(1);
      lines.push(`${algorithm}: bad signature ${spread(times['known']!)}, unknown key ${spread(times['unknown']!)}`);
    }
    process.stderr.write(`${lines.join('\n')}\n`);
  } finally {
    await world.close();
  }
}, 600_000);
