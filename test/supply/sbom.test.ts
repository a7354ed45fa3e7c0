import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { LOCKED, nameOf, ROOT } from './lock.ts';

interface Bom {
  bomFormat: string;
  specVersion: string;
  metadata: { component: { purl: string } };
  components: { name: string; version: string; purl: string; licenses?: unknown[]; hashes?: { alg: string }[] }[];
}

test('the bill of materials names every locked package with its version, licence and hash', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'sbom'], { maxBuffer: 64 * 1024 * 1024 });
  const bom = JSON.parse(stdout) as Bom;
  expect([bom.bomFormat, bom.specVersion]).toEqual(['CycloneDX', '1.5']);
  expect(bom.metadata.component.purl).toMatch(/^pkg:npm\/habeas@/);
  const named = new Map(bom.components.map((each) => [`${each.name}@${each.version}`, each]));
  // npm names a package that is installed under another name now by the one, now by the other.
  const unnamed = [...LOCKED].filter(([folder, { version }]) => {
    const names = [nameOf(folder), folder.replace(/^.*node_modules\//, '')];
    return !names.some((name) => named.has(`${name}@${version}`));
  });
  expect(unnamed.map(([folder]) => folder)).toEqual([]);
  const direct = Object.entries({ ...ROOT.dependencies, ...ROOT.devDependencies }).map(([name, version]) => `${name}@${version}`);
  for (const each of direct) {
    expect(named.get(each)!.licenses).toHaveLength(1);
    expect(named.get(each)!.hashes!.map(({ alg }) => alg)).toEqual(['SHA-512']);
  }
}, 60_000);
