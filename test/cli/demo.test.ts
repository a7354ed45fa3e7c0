import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../src/cli/run.ts';

test('the demo tells the main job from an empty folder to a verified log', async () => {
  const home = await mkdtemp(join(tmpdir(), 'habeas-demo-test-'));
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(['demo', '--exit', '--json'], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    environment: { HABEAS_HOME: home, HABEAS_PORT: '0', HABEAS_LOG_LEVEL: 'error' },
    stop: new AbortController().signal,
  });
  await rm(home, { recursive: true, force: true });
  expect([code, err.join('').replace(/^Making the embedded PostgreSQL.*\n/, '')]).toEqual([0, '']);
  const story = JSON.parse(out.join('')) as Record<string, unknown>;
  expect(story).toMatchObject({ residual: 0, auditVerified: true });
  expect(Object.keys(story['tokens'] as object)).toEqual([
    'privacy officer',
    'integrator',
    'auditor',
    'legal approver',
    'tenant admin',
    'provider',
  ]);
}, 120_000);
