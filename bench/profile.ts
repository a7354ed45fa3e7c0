import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Sums a folder's CPU profiles (`npm run bench -- … --profile FOLDER`): where the time of a process itself went, by file and by function. */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const shorten = (url: string): string => url.replace(/^.*\/dist\//, '').replace(/^.*\/node_modules\//, '') || '(engine)';

function sum(path: string): void {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const files = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = frames.get(id)!;
    if (functionName === '(idle)' || functionName === '(root)') continue;
    const time = timeDeltas[index]!;
    busy += time;
    const file = shorten(url);
    files.set(file, (files.get(file) ?? 0) + time);
    const name = `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
    functions.set(name, (functions.get(name) ?? 0) + time);
  }
  const all = timeDeltas.reduce((total, time) => total + time, 0);
  console.log(`${path}: busy ${(busy / 1e6).toFixed(2)} s of ${(all / 1e6).toFixed(2)} s`);
  for (const times of [files, functions]) {
    console.log('');
    for (const [name, time] of [...times].sort((a, b) => b[1] - a[1]).slice(0, 20))
      console.log(`${((100 * time) / busy).toFixed(1).padStart(6)} %  ${name}`);
  }
}

const given = process.argv[2];
if (!given) throw new Error('Usage: node bench/profile.ts FOLDER-OR-FILE');
const paths = statSync(given).isDirectory()
  ? readdirSync(given)
      .filter((name) => name.endsWith('.cpuprofile'))
      .map((name) => join(given, name))
  : [given];
for (const path of paths) sum(path);
