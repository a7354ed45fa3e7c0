import { randomUUID } from 'node:crypto';
import { send } from './ask.ts';
import { isId, type Operation } from './documents.ts';
import type { MadeWorld } from './made-world.ts';
import { plain } from './samples.ts';

/** Asks root fields as somebody who may do nothing, and says which of them did not refuse them first of all, in the words for it. */
export async function probePermissions(made: MadeWorld, operations: readonly Operation[]): Promise<string[]> {
  const found: string[] = [];
  for (const { token } of made.holders.filter(({ permissions }) => !permissions.size))
    for (const operation of operations) {
      const variables = { ...plain(operation) };
      for (const arg of operation.args) if (isId(arg) && String(arg.type).endsWith('!')) variables[arg.name] = randomUUID();
      const { body } = await send(made, token, operation.document(Object.keys(variables)), variables);
      if (!body.includes(`"${operation.name}: this token does not hold `)) found.push(`${operation.name}: ${body.slice(0, 200)}`);
    }
  return found;
}
