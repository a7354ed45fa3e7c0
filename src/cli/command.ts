import type { Command } from 'commander';
import type { Io } from './io.ts';

/** Adds a command, or a family of them, to the program; each file of this folder named *.command.ts exports one. */
export type Register = (program: Command, io: Io) => void;
