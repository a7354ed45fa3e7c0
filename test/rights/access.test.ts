import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openWorld, type World } from '../support/world.ts';
import { downloadZip, finished, REQUEST } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

test('a person asks for their data with their own token and gets one JSON document of it', async () => {
  const tenant = await world.tenant();
  const app = await world.app(tenant);
  await world.ingest(tenant, app, [
    { type: 'user', externalId: 'u1', profile: { displayName: 'Ada', email: 'ada@example.org' } },
    { type: 'user', externalId: 'u2', profile: { displayName: 'Ben' } },
    { type: 'conversation', externalId: 'c1', kind: 'DIRECT', participants: [{ user: 'u1' }, { user: 'u2' }] },
    { type: 'message', externalId: 'm1', conversation: 'c1', author: 'u1', sentAt: '2026-01-01T00:00:00.000200Z', body: 'hello <@u2>', mentions: ['u2'], reactions: [{ user: 'u1', emoji: 'ok' }] },
    { type: 'message', externalId: 'm2', conversation: 'c1', author: 'u2', sentAt: '2026-01-01T00:01:00Z', body: 'hello <@u1>', mentions: ['u1'] },
  ]);
  const user = await world.userId(tenant, app, 'u1');
  const ask = world.as({ tenant, app, user });
  const asked = await ask(`mutation { requestAccess(format: JSON) { password request { ${REQUEST} } } }`);
  expect(asked).toMatchObject({ codes: [], data: { requestAccess: { password: null, request: { status: 'SCHEDULED', type: 'ACCESS', subjectId: user } } } });
  const request = await finished(ask, asked.data.requestAccess.request.id);
  expect(request).toMatchObject({ status: 'COMPLETED', error: null });
  const zip = await downloadZip(world, ask, request.artefact.id);
  const data = JSON.parse(zip.get('data.json')!.toString());
});
