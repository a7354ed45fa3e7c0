import { parseArgs } from 'node:util';

export const WORKLOADS = ['export', 'read', 'import', 'erase', 'growth', 'memory', 'start'] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface Options {
  workloads: Workload[];
  /** How often each side runs; they take turns. */
  runs: number;
  /** Messages; undefined takes each workload's own default. */
  rows: number | undefined;
  /** Seconds of load in one run of read and growth. */
  seconds: number;
  connections: number;
  /** False: only print, leave docs/benchmarks.md as it is. */
  write: boolean;
  /** Where our side's CPU profiles go, if they are wanted. */
  profile: string | undefined;
}

/** Small, so that `all` does not take hours; the sizes of the reach are given by --rows. */
export const ROWS: Record<Workload, number> = {
  export: 200_000,
  read: 200_000,
  import: 100_000,
  erase: 50_000,
  growth: 600_000,
  memory: 500_000,
  start: 0,
};

/** Growth compares its rows with this many, or with a third of its rows where those are fewer. */
export const GROWTH_FROM = 200_000;

/** Of load in one run, unless told otherwise. */
export const SECONDS = 10;

export const USAGE = `npm run bench -- ${WORKLOADS.join('|')}|all [--runs 3] [--rows N] [--seconds 10] [--connections 16] [--no-write] [--profile FOLDER]`;

const count = (name: string, value: string): number => {
  const number = Number(value.replaceAll('_', ''));
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name}: a whole number from 1. Usage: ${USAGE}`);
  return number;
};

export function readOptions(argv: string[]): Options {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      rows: { type: 'string' },
      seconds: { type: 'string', default: String(SECONDS) },
      connections: { type: 'string', default: '16' },
      'no-write': { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  const named = positionals.length ? positionals : ['all'];
  const workloads = named.includes('all') ? [...WORKLOADS] : (named as Workload[]);
  for (const name of workloads) if (!WORKLOADS.includes(name)) throw new Error(`No workload ${name}. Usage: ${USAGE}`);
  return {
    workloads,
    runs: count('runs', values.runs),
    rows: values.rows === undefined ? undefined : count('rows', values.rows),
    seconds: count('seconds', values.seconds),
    connections: count('connections', values.connections),
    write: !values['no-write'],
    profile: values.profile,
  };
}
