import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';

let world: World;
let find: (type: string, value: string) => Promise<string[]>;
beforeAll(async () => {
  world = await openWorld({ work: false });
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  const phones: [string, string][] = [
    ['ann', '+46 70 123 45 67'],
    ['dua', '+٢٠ ١٠٠ ٥٥٥ ٠١٩٩'],
  ];
  await world.ingest(
    tenant,
    app,
    phones.map(([externalId, value]) => ({ type: 'user', externalId, identifiers: [{ type: 'PHONE', value }] })),
  );
  const names = new Map(await Promise.all(phones.map(async ([name]) => [await world.userId(tenant, app, name), name] as const)));
  const officer = world.as({ tenant, role: 'PRIVACY_OFFICER' });
  find = async (type, value) => {
    const { data } = await officer<{ findSubject: { matches: { user: { id: string } }[] } }>(
      'query ($type: IdentifierType!, $value: String!) { findSubject(type: $type, value: $value) { matches { user { id } } } }',
      { type, value },
    );
    return data.findSubject.matches.map(({ user }) => names.get(user.id)!);
  };
});
afterAll(() => world.close());

test('a phone number is found however it is written', async () => {
  for (const value of ['+46701234567', '0046 70 123 45 67', '46-70-1234567', '＋４６ ７０ １２３４５６７'])
    expect([value, await find('PHONE', value)]).toEqual([value, ['ann']]);
  expect(await find('PHONE', '+20 100 555 0199')).toEqual(['dua']);
});
