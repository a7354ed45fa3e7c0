import type { Bed } from '../bed.ts';
import type { Options } from '../options.ts';

/** One table of the page. */
export interface Report {
  title: string;
  /** What was done on both sides, on how many rows, with which settings. */
  text: string[];
  head: string[];
  rows: string[][];
}

export type Run = (bed: Bed, options: Options, log: (line: string) => void) => Promise<Report>;
