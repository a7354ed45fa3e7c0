import { readFile, writeFile } from 'node:fs/promises';
import { schemaText } from '../api/schema.ts';
import type { Register } from './command.ts';
import { CommandFailed } from './failure.ts';
import { answer } from './io.ts';

export const registerSchema: Register = (program, io) => {
  program
    .command('schema')
    .description('write the GraphQL schema, the contract, as text; needs no database')
    .option('--out <file>', 'where to', 'schema.graphql')
    .option('--check', 'write nothing, and fail where the file is not what the code says')
    .action(async (options: { out: string; check?: boolean }, command) => {
      const text = await schemaText();
      const json = command.optsWithGlobals();
      if (!options.check) {
        await writeFile(options.out, text);
        answer(io, json, { file: options.out, bytes: Buffer.byteLength(text) }, [`Wrote ${options.out}.`]);
        return;
      }
      const held = await readFile(options.out, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const line = held === text ? undefined : firstDifference(held, text);
      answer(io, json, { file: options.out, same: !line, ...(line ? { line } : {}) }, [
        line
          ? `${options.out} is not the schema of the code, from line ${line} on; run: habeas schema`
          : `${options.out} is the schema of the code.`,
      ]);
      if (line) throw new CommandFailed();
    });
};

function firstDifference(a: string, b: string): number {
  const [left, right] = [a.split('\n'), b.split('\n')];
  let line = 0;
  while (left[line] === right[line] && line < left.length) line += 1;
  return line + 1;
}
