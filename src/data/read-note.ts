import type { RequestScope } from '../scope/context.ts';

interface Note {
  targets: { count: number } & Record<string, unknown>;
  seen: Map<string, Set<string>>;
}
const notes = (): Map<string, Note> => new Map();

/**
 * Notes rows that a request reads, each by the ids it is told by: one audit entry for each kind, whatever the number of rows and the fields
 * they came through. The entry is written when the request ends; until then its ids and its count grow.
 */
export function noteRead(request: RequestScope, act: string, rows: readonly Record<string, string | null | undefined>[]): void {
  const ofRequest = request.kept(notes);
  let note = ofRequest.get(act);
  if (!note) {
    note = { targets: { count: 0 }, seen: new Map() };
    ofRequest.set(act, note);
    request.note(act, note.targets);
  }
  note.targets.count += rows.length;
  for (const row of rows)
    for (const name in row) {
      const id = row[name];
      if (id) add(note, name, id);
    }
}

function add({ targets, seen }: Note, name: string, id: string): void {
  let ids = seen.get(name);
  if (ids?.has(id)) return;
  if (!ids) {
    seen.set(name, (ids = new Set()));
    targets[name] = [];
  }
  ids.add(id);
  (targets[name] as string[]).push(id);
}
