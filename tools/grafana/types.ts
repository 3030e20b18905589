// What a dashboard's JSON may be: Grafana's own types, with the values of enumerations where TypeScript wants their names.
import type { AnnotationQuery, Dashboard } from '@grafana/schema';

type Plain<T> = T extends string
  ? `${T}`
  : T extends number
    ? number
    : T extends (infer U)[]
      ? Plain<U>[]
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

// What a datasource adds to a query, and Prometheus to an annotation, is not part of the schema.
type Query = { refId: string; expr: string; interval?: string; datasource?: unknown };
type Marks = Omit<AnnotationQuery, 'target'> & { target: Query; titleFormat: string };

export type Board = Plain<Partial<Omit<Dashboard, 'annotations'>> & { annotations: { list: Marks[] } }>;
