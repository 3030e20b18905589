// The rows as the server sends them: `src/kubewright/dashboard/views/` has the other half. What is default is left out.

export interface NodeRow {
  id: string;
  zone?: string;
  type?: string;
  gpu?: string;
  state?: "ready" | "cordoned" | "down";
  use?: Record<string, [number, number]>;
  pods?: number;
  ill?: number;
  coming?: number;
}

export interface Release {
  phase: string;
  where?: string;
  strategy?: string;
  step?: number;
  steps?: number[];
  weight?: number;
  strikes?: number;
  since?: number;
  reason?: string;
  message?: string;
}

export interface AppRow {
  id: string;
  namespace: string;
  name: string;
  team?: string;
  image?: string;
  ready?: boolean;
  wanted?: number;
  up?: number;
  coming?: number;
  ill?: number;
  why?: string;
  url?: string;
  calls?: string[];
  release?: Release;
}

export interface PendingRow {
  id: string;
  namespace: string;
  name: string;
  workload?: string;
  since?: number;
  priority?: number;
  scheduler?: string;
  reason?: string;
  message?: string;
  nominated?: string;
}

export interface QueueRow {
  id: string;
  parent?: string;
  weight?: number;
  pending?: number;
  running?: number;
  share?: string;
  quotas?: { resource: string; nominal: string; used: string; borrowed: string }[];
}

export interface IncidentRow {
  id: string;
  namespace: string;
  name: string;
  cause: string;
  about: string;
  part?: string;
  phase?: string;
  message?: string;
  created?: number;
  signals?: string[];
  evidence?: string[];
  affected?: string[];
  policy?: string;
  remedy?: string;
  reason?: string;
  plan?: string[];
  digest?: string;
  rehearsed?: boolean | null;
  rehearsal?: string;
  actions?: { remedy: string; outcome?: string; message?: string; started?: number; ended?: number }[];
  verification?: string;
  recurrences?: number;
  times?: Record<string, number>;
  approved?: string;
  paused?: string;
}

export interface ChangeRow {
  id: string;
  namespace: string;
  about: string;
  at: number;
  what?: string;
}

export interface PodShown {
  namespace: string;
  name: string;
  fare: "ready" | "coming" | "ill" | "done";
  why?: string;
  workload?: string;
  restarts?: number;
  since?: number;
  asks?: Record<string, number>;
}

export interface Held {
  what: string;
  by?: string;
}

export interface GpuShown {
  number: number;
  broken?: boolean;
  used?: number;
  slices?: string[];
  held?: Held[];
}

export interface NodeDetail {
  name: string;
  labels: Record<string, string>;
  taints: string[];
  conditions: string[];
  version: string;
  since: number;
  pods: PodShown[];
  hidden: number;
  gpus: { each?: GpuShown[]; elsewhere?: Held[] };
}

export interface Me {
  name: string;
  owner: boolean;
  cluster: string;
  readOnly: boolean;
  measured: boolean;
  synced: boolean;
  problems: string[];
}

/** Lines over time; what is not known of them is null. */
export interface Line {
  name: string;
  values: (number | null)[];
}

export interface Course {
  at?: number[];
  lines?: Line[];
  shares?: Line[];
  marks?: { at: number; what: string }[];
  bound?: number;
  unit?: string;
  missing?: string;
}

export interface Traffic {
  apps?: { id: string; requests: number; errors: number }[];
  edges?: { source: string; target: string; requests: number }[];
  missing?: string;
}

export interface TeamFigures {
  use: { resource: string; requested?: number; used?: number; quota?: number }[];
  cost?: {
    currency: string;
    days: { at: number; spent: number; covered: number }[];
    budget?: number;
    spent?: number;
    expected?: number;
    basis?: string;
    used_up?: number;
  };
  missing_use?: string;
  missing_cost?: string;
}

export interface ScaleRow {
  id: string;
  namespace: string;
  name: string;
  target: string;
  mode?: string;
  wanted_mode?: string;
  least?: number;
  most?: number;
  current?: number;
  desired?: number;
  scaled?: number;
  metrics?: { name: string; value?: string; target?: string; replicas?: number }[];
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  schedules?: string[];
}

export interface TeamRow {
  id: string;
  parent?: string;
  path?: string;
  members?: number;
  namespaces?: string[];
  quota?: Record<string, string>;
  budget?: string;
  spent?: string;
  forecast?: string;
  currency?: string;
  used_up?: string;
  over?: boolean;
  on_call?: string;
  ready?: boolean;
  problems?: string[];
  let_in?: string[];
}

export interface EntryRow {
  id: string;
  record: number;
  at: number;
  kind: string;
  who: string;
  about?: string;
  why?: string;
  actions?: string[];
  outcome?: string;
  details?: Record<string, string>;
}
