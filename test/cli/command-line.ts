import { run } from '../../src/cli/run.ts';

interface Said {
  code: number;
  out: string;
  err: string;
}

/** Runs command lines in this process, in an environment of their own; `stop` tells them to end. */
export interface CommandLine {
  (...argv: string[]): Promise<Said>;
  /** The answer of a command that must succeed, as machines get it. */
  json<T = unknown>(...argv: string[]): Promise<T>;
}

export function commandLine(environment: Record<string, string>, stop = new AbortController().signal): CommandLine {
  const call = async (...argv: string[]): Promise<Said> => {
    let [out, err] = ['', ''];
    const code = await run(argv, {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      environment,
      stop,
    });
    return { code, out, err };
  };
  const json = async <T>(...argv: string[]): Promise<T> => {
    const said = await call(...argv, '--json');
    if (said.code !== 0) throw new Error(`habeas ${argv.join(' ')}: ${said.err}`);
    return JSON.parse(said.out) as T;
  };
  return Object.assign(call, { json });
}
