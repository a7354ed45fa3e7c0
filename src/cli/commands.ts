import type { Register } from './command.ts';
import { registerServe } from './serve.command.ts';

/** Every command, in the order that help lists them. */
export const COMMANDS: readonly Register[] = [registerServe];
