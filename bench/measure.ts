import { readFileSync } from 'node:fs';

/** What one run of one side gave: numbers by name, such as `seconds` or `megabytes`. */
export type Result = Record<string, number>;

export interface Contender {
  name: string;
  /** What it needs for one run, not timed; then the run, which times itself. */
  run: () => Promise<Result>;
}

export type Series = Map<string, Result[]>;

/** Runs every side `runs` times in turn, the order turned round each time, so that what else the machine does falls on both. */
export async function alternate(runs: number, contenders: readonly Contender[], log: (line: string) => void): Promise<Series> {
  const series: Series = new Map(contenders.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const { name, run: work } of run % 2 ? contenders.toReversed() : contenders) {
      const result = await work();
      series.get(name)!.push(result);
      log(
        `  run ${run + 1} of ${runs}: ${name} ${Object.entries(result)
          .map(([key, value]) => `${key} ${round(value)}`)
          .join(', ')}`,
      );
    }
  }
  return series;
}

export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spread(results: readonly Result[], key: string): Spread {
  const sorted = results.map((result) => result[key]!).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** Three significant digits, and whole numbers from a hundred on. */
export const round = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

export const show = ({ median, min, max }: Spread): string => `${round(median)} (${round(min)} to ${round(max)})`;

export interface Usage {
  /** The most memory that the processes have held since they began, added up: the kernel keeps the mark, reading it misses no peak. */
  megabytes: number;
  /** Processor time that they have used since they began, in seconds. */
  cpu: number;
}

/** Watches processes until it is stopped. */
export function watch(pids: readonly number[]): { usage: () => Usage; stop: () => void } {
  const seen = new Map<number, Usage>();
  const look = (): void => {
    for (const pid of pids) seen.set(pid, usageOf(pid) ?? seen.get(pid) ?? { megabytes: 0, cpu: 0 });
  };
  look();
  const timer = setInterval(look, 25);
  timer.unref();
  const usage = (): Usage => {
    look();
    const all = [...seen.values()];
    return { megabytes: all.reduce((sum, one) => sum + one.megabytes, 0), cpu: all.reduce((sum, one) => sum + one.cpu, 0) };
  };
  return { usage, stop: () => clearInterval(timer) };
}

const TICKS = 100;

/** Undefined once the process has gone, and where there is no /proc. */
function usageOf(pid: number): Usage | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name in brackets may hold spaces: count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A program that has ended but was not waited for has given its memory back.
    return peak === undefined
      ? undefined
      : { megabytes: Number(peak) / 1024, cpu: (Number(fields[11]) + Number(fields[12])) / TICKS };
  } catch {
    return undefined;
  }
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
