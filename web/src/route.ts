// Where one is: `#/screen/object`. Links are plain, so that everything can be sent to somebody.

import { signal } from "@preact/signals";

export interface Place {
  screen: string;
  object: string;
}

function read(): Place {
  const [screen = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { screen: screen || "fleet", object: decode(rest.join("/")) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const place = signal<Place>(read());
addEventListener("hashchange", () => (place.value = read()));

export function link(screen: string, object = ""): string {
  return object ? `#/${screen}/${encodeURIComponent(object)}` : `#/${screen}`;
}

export function go(screen: string, object = ""): void {
  location.hash = link(screen, object);
}
