import type { Session } from '../../scope/in-scope.ts';
import type { RightsRequest } from '../request.entity.ts';

/** What one batch of an erasure did; it commits together with the stage it reached. */
export interface Step {
  rows: number;
  /** Where the next batch goes on. */
  stage: string;
  counts: Record<string, number>;
  /** Files in the store that go once the batch has committed. */
  files?: string[];
}

/** How the rows of a kind of target are erased: batch by batch, each found by what is still there, so that it can be killed anywhere. */
export interface Walk {
  /** How many rows there are to do, for the progress. */
  count(session: Session, request: RightsRequest): Promise<number>;
  /** Whether the next batch may delete messages, which intake must not meet: then it holds the lock of the app. */
  locksApp(request: RightsRequest): boolean;
  /** One batch; undefined once nothing is left. */
  step(session: Session, request: RightsRequest, limit: number): Promise<Step | undefined>;
}
