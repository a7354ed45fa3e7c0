import { removeHome } from './leftovers.ts';

/** Stops the run's PostgreSQL and removes its folder. */
export default async function globalTeardown(): Promise<void> {
  const { habeasTest } = globalThis;
  if (!habeasTest) return;
  await habeasTest.cluster.stop();
  await removeHome(habeasTest.home);
}
