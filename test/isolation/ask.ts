import type { MadeWorld } from './made-world.ts';

/** An answer as it came over the wire. */
export interface Wire {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** Asks with a token, and answers what came back, to the byte. */
export async function send(
  { world }: MadeWorld,
  token: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<Wire> {
  const response = await world.server.inject({
    method: 'POST',
    url: '/graphql',
    headers: { authorization: `Bearer ${token}` },
    payload: { query, variables },
  });
  return { status: response.statusCode, headers: response.headers, body: response.body };
}

export const codesOf = (wire: Wire): string[] =>
  ((JSON.parse(wire.body) as { errors?: { extensions?: { code?: string } }[] }).errors ?? []).map(
    (error) => error.extensions?.code ?? 'none',
  );
