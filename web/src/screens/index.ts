// The screens, in the order of the menu: each with the topics that it follows and the path of its sign (16 x 16).

export interface Screen {
  name: string;
  title: string;
  topics: readonly string[];
  key: string;
  sign: string;
}

export const SCREENS: readonly Screen[] = [
  { name: "fleet", title: "Fleet", topics: ["fleet"], key: "f", sign: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z" },
  { name: "apps", title: "Applications", topics: ["apps"], key: "a", sign: "M8 1.5 14 5v6l-6 3.5L2 11V5zM2 5l6 3.5L14 5M8 8.5v6" },
  { name: "queue", title: "Queue", topics: ["pending", "queues"], key: "q", sign: "M2 4h12M2 8h9M2 12h6" },
  { name: "incidents", title: "Incidents", topics: ["incidents", "releases", "scalings"], key: "i", sign: "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.5" },
  { name: "scaling", title: "Scaling", topics: ["scaling"], key: "s", sign: "M2 13.5V10h3v3.5M6.5 13.5V6.5h3v7M11 13.5v-11h3v11M1 13.5h14" },
  { name: "teams", title: "Teams", topics: ["teams", "queues"], key: "m", sign: "M6 7a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M1.5 14c0-3 2-5 4.5-5s4.5 2 4.5 5M11 7.5a2 2 0 1 0-.5-4M12 9.5c1.5.5 2.5 2 2.5 4.5" },
  { name: "whatif", title: "What if", topics: ["fleet"], key: "w", sign: "M5.5 5.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M8 12.5v.5M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1" },
  { name: "audit", title: "Audit", topics: ["audit"], key: "u", sign: "M3 1.5h7l3 3v10H3zM5.5 7h5M5.5 10h5" },
];
