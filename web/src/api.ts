// The server: requests as the person who is signed in, and rows that are kept as they are told.

import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Me } from "./rows";

export const me = signal<Me | null | undefined>(undefined);
export const connected = signal(false);
export const refused = signal<ReadonlySet<string>>(new Set());
/** Topics whose kind nobody has installed. */
export const absent = signal<ReadonlySet<string>>(new Set());

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function ask<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "x-kubewright": "1" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({ message: answer.statusText }));
    if (answer.status === 401 && path !== "/api/session") me.value = null;
    throw new Refused(answer.status, String(said.message));
  }
  return answer.status === 204 ? (undefined as T) : answer.json();
}

/** Why something was not to be had. */
export function reason(error: unknown): string {
  return error instanceof Refused ? error.message : String(error);
}

/** What the server answers, or why it does not; null until then. It is asked again when one of `when` changes. */
export function useAnswer<T>(path: string, when: readonly unknown[] = []): T | string | null {
  const answer = useSignal<T | string | null>(null);
  useEffect(() => {
    let asked = true;
    const take = (found: T | string) => {
      // What was asked before may be answered later: it is not what is wanted any more.
      if (asked) answer.value = found;
    };
    answer.value = null;
    ask<T>(path).then(take, (error) => take(reason(error)));
    return () => {
      asked = false;
    };
  }, [path, ...when]);
  return answer.value;
}

export interface Rows<T> {
  readonly all: ReadonlyMap<string, T>;
  readonly arrived: boolean;
}

const NOTHING: Rows<unknown> = { all: new Map(), arrived: false };
const topics = new Map<string, Signal<Rows<unknown>>>();
let source: EventSource | undefined;
let followed = "";

export function rowsOf<T>(topic: string): Signal<Rows<T>> {
  let found = topics.get(topic);
  if (!found) {
    found = signal<Rows<unknown>>(NOTHING);
    topics.set(topic, found);
  }
  return found as Signal<Rows<T>>;
}

/** Follow these topics and no others, from now on. */
export function follow(names: readonly string[]): void {
  const wanted = [...names].sort().join(",");
  if (wanted === followed) return;
  source?.close();
  followed = wanted;
  source = undefined;
  if (wanted) open(wanted, names);
}

function open(wanted: string, names: readonly string[]): void {
  source = new EventSource(`/api/stream?topics=${wanted}`);
  source.addEventListener("open", () => (connected.value = true));
  source.addEventListener("error", () => {
    connected.value = false;
    if (source?.readyState === EventSource.CLOSED) void whoami();
  });
  source.addEventListener("over", () => {
    follow([]);
    me.value = null;
  });
  source.addEventListener("hello", (event) => {
    const told: { refused: string[]; absent: string[] } = JSON.parse((event as MessageEvent<string>).data);
    refused.value = new Set(told.refused);
    absent.value = new Set(told.absent);
  });
  for (const name of names) {
    source.addEventListener(name, (event) => take(name, (event as MessageEvent<string>).data));
  }
}

/** Characters that turn the direction of what stands beside them: text could be made to read as something else. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

function take(topic: string, text: string): void {
  const told: { whole: boolean; rows: { id: string }[]; gone: string[] } = JSON.parse(text.replace(TURNING, "\ufffd"));
  const kept = rowsOf<{ id: string }>(topic);
  const all = new Map(told.whole ? undefined : kept.value.all);
  for (const row of told.rows) all.set(row.id, row);
  for (const id of told.gone) all.delete(id);
  kept.value = { all, arrived: true };
}

export async function whoami(): Promise<void> {
  try {
    me.value = await ask<Me>("/api/me");
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) setTimeout(whoami, 2000);
  }
}
