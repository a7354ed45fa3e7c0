const GATHERED = 128 * 1024;

/** Hands text on in larger pieces: a piece a row would cost more than the row. */
export async function* gather(pieces: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let waiting: string[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < GATHERED) continue;
    yield Buffer.from(waiting.join(''));
    [waiting, length] = [[], 0];
  }
  if (length) yield Buffer.from(waiting.join(''));
}
