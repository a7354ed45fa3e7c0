import { readFileSync } from 'node:fs';

/** A package as package-lock.json holds it. */
export interface Locked {
  /** Its own name, where it is installed under another. */
  name?: string;
  version: string;
  license?: string;
  integrity?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const all = (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }).packages;

/** The project itself. */
export const ROOT: Locked = all['']!;

/** Every package by its folder, also those of other platforms. */
export const LOCKED: ReadonlyMap<string, Locked> = new Map(Object.entries(all).filter(([folder]) => folder !== ''));

export function nameOf(folder: string): string {
  return LOCKED.get(folder)?.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Where a package in `folder` finds the package `name`: its own node_modules, else its parents'. */
export function found(folder: string, name: string): Locked | undefined {
  const own = LOCKED.get(`${folder === '' ? '' : `${folder}/`}node_modules/${name}`);
  if (own || folder === '') return own;
  return found(folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/'))), name);
}
