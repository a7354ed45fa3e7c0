import { setTimeout as pause } from 'node:timers/promises';
import yauzl from 'yauzl';
import type { Ask, World } from '../support/world.ts';
import { all } from '../artefacts/support.ts';

export const REQUEST =
  'id type status subjectId done total error counts { name count } artefact { id fileName size sha256 expiresAt deletedAt manifest }';

/** Waits for a request to come to its end. */
// oxlint-disable-next-line no-explicit-any -- a test names the shape it expects
export async function finished(ask: Ask, id: string): Promise<any> {
  for (let tries = 0; tries < 1500; tries += 1) {
    const { data, messages } = await ask(`query ($id: ID!) { request(id: $id) { ${REQUEST} } }`, { id });
    if (messages.length) throw new Error(messages.join());
    if (!['SCHEDULED', 'RUNNING'].includes(data.request.status)) return data.request;
    await pause(20);
  }
  throw new Error('The request did not come to its end.');
}

/** The path of a fresh download link. */
export async function linkTo(ask: Ask, artefactId: string): Promise<string> {
  const { data, messages } = await ask('mutation ($id: ID!) { createDownloadLink(artefactId: $id) { url expiresAt } }', {
    id: artefactId,
  });
  if (messages.length) throw new Error(messages.join());
  const url = new URL(data.createDownloadLink.url);
  return url.pathname + url.search;
}

export async function download(world: World, ask: Ask, artefactId: string): Promise<Buffer> {
  const response = await world.server.inject({ url: await linkTo(ask, artefactId) });
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${response.body}`);
  return response.rawPayload;
}

/** The entries of a plain zip. */
export async function entriesOf(zip: Buffer): Promise<Map<string, Buffer>> {
  const archive = await yauzl.fromBufferPromise(zip);
  const entries = new Map<string, Buffer>();
  for await (const entry of archive.eachEntry())
    entries.set(entry.fileName, await all(await archive.openReadStreamPromise(entry)));
  return entries;
}

export const downloadZip = async (world: World, ask: Ask, artefactId: string): Promise<Map<string, Buffer>> =>
  entriesOf(await download(world, ask, artefactId));

/** Asks for a package of a person as JSON, and answers the request's id. */
export async function requestOf(
  ask: Ask,
  right: 'requestAccess' | 'requestPortability',
  userId: string,
  rest = '',
): Promise<string> {
  const { data, messages } = await ask(`mutation ($id: ID!) { ${right}(userId: $id, format: JSON ${rest}) { request { id } } }`, {
    id: userId,
  });
  if (messages.length) throw new Error(messages.join());
  return data[right].request.id as string;
}
