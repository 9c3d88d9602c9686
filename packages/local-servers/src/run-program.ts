import { spawn } from 'node:child_process';

export interface ProgramResult {
  ok: boolean;
  /** stdout and stderr together, for error messages. */
  output: string;
  stdout: string;
}

export interface ProgramOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  uid?: number;
}

/** Runs a program to its end. A program that cannot be started at all is a failure with the reason as output. */
export async function runProgram(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd ?? '/',
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', (error) => resolve({ ok: false, output: error.message, stdout: '' }));
    child.once('close', (code) => resolve({ ok: code === 0, output, stdout }));
  });
}
