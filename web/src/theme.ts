// Light or dark: as the system says, unless the person says otherwise.

import { effect, signal } from "@preact/signals";

const asked = localStorage.getItem("theme");
const system = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<"light" | "dark">(
  asked === "dark" || asked === "light" ? asked : system.matches ? "dark" : "light",
);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

system.addEventListener("change", (event) => {
  if (!localStorage.getItem("theme")) theme.value = event.matches ? "dark" : "light";
});

export function turnTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme.value);
}

/** What a colour of the style sheet is at present. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
