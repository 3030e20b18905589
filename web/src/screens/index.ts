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
  { name: "incidents", title: "Incidents", topics: ["incidents"], key: "i", sign: "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.5" },
];
