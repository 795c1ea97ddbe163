/**
 * What nobody caught in this process, and during which of the programs that run at the same time, as far as it can
 * be told. Never lets the process end.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Where it is not sure whose it was. */
export const SOMEBODY = "somebody";

/** Whatever is called here, and all that follows from it, belongs to one program. */
const running = new AsyncLocalStorage<object>();

/** For what several programs have in common. */
export function outsideOfPrograms<Value>(act: () => Value): Value {
  return running.exit(act);
}

/** @returns the function as part of the program that is being mounted */
export function inProgram<Given extends readonly unknown[]>(act: (...given: Given) => void): (...given: Given) => void {
  const program = running.getStore();
  return program === undefined ? act : (...given) => running.run(program, act, ...given);
}

export class Uncaught {
  readonly #errors: { readonly error: string; readonly program: object | undefined }[] = [];
  readonly #note = (thrown: unknown): void => {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#errors.push({ error, program: running.getStore() });
  };

  constructor() {
    process.on("uncaughtException", this.#note);
    process.on("unhandledRejection", this.#note);
  }

  get count(): number {
    return this.#errors.length;
  }

  during<Value>(program: object, act: () => Promise<Value>): Promise<Value> {
    return running.run(program, act);
  }

  /** Those that may be this program's. */
  since(count: number, program: object): readonly { readonly error: string; readonly sure: boolean }[] {
    return this.#errors
      .slice(count)
      .filter((one) => one.program === undefined || one.program === program)
      .map((one) => ({ error: one.error, sure: one.program === program }));
  }

  close(): void {
    process.off("uncaughtException", this.#note);
    process.off("unhandledRejection", this.#note);
  }
}
