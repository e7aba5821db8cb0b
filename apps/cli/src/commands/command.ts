import type { Command } from 'commander';
import type { Session } from '../session';

/** What a command does; returns its exit status, 0 when it returns nothing. */
export type Action<A extends unknown[]> = (session: Session, ...args: A) => Promise<number | void>;

/** Turns an action into what commander calls: with a session of its own, its errors reported. */
export type Run = <A extends unknown[]>(action: Action<A>) => (...args: A) => Promise<void>;

/** Adds commands to the program. */
export type Register = (program: Command, run: Run) => void;
