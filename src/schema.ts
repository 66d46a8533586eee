// Made by: python -m mlm_jupyter.typescript > src/schema.ts

export type RunStatus = 'running' | 'finished' | 'failed' | 'killed';
export type ExecutionStatus = 'ok' | 'error' | 'interrupted';
export type CheckpointKind = 'baseline' | 'cell' | 'manual' | 'save';
export type VariableStatus =
  'stored' | 'reference' | 'not_captured' | 'excluded' | 'secret' | 'dropped';
export type CellChange = CellAdded | CellRemoved | CellChanged;
export type ValueDiff = Unchanged | Replaced | ItemsDiff | TableDiff | ArrayDiff | TextDiff;

/** A file, or an object written as one, kept with a run. */
export interface Artifact {
  run_id: string;
  name: string;
  blob: string;
  size_bytes: number;
  media_type: string;
  logged_at: number;
}

/** One out-of-band buffer of a pickle (PEP 574). */
export interface Buffer {
  blob: string;
  size_bytes: number;
  is_ours: boolean;
  is_readonly: boolean;
}

/** The exception that ended a cell, as the user saw it. */
export interface CellError {
  name: string;
  value: string;
  traceback: string[];
}

/** One execution of one cell. */
export interface CellExecution {
  source: string;
  status: ExecutionStatus;
  started_at: number;
  duration_ms: number;
  cell_id: string | null;
  execution_count: number | null;
  error: CellError | null;
  outputs: string | null;
  widgets: string | null;
  reads: string[];
  writes: string[];
}

/** The names of the variables in which a checkpoint differs from its parent, each list in order. */
export interface Changes {
  added: string[];
  changed: string[];
  removed: string[];
  between: string[];
}

/** The state after one cell execution (or on demand), as it is listed; the rest is behind ``digest``. */
export interface Checkpoint {
  id: string;
  digest: string;
  kind: CheckpointKind;
  created_at: number;
  session_id: string;
  ordinal: number;
  parent_id: string | null;
  run_id: string | null;
  notebook: string | null;
  name: string | null;
  note: string | null;
  cell_id: string | null;
  execution_count: number | null;
  source: string | null;
  status: ExecutionStatus | null;
  duration_ms: number | null;
  changes: Changes;
  metrics: { [key: string]: number };
  is_dropped: boolean;
}

/** One column of a table's preview. */
export interface Column {
  name: string;
  dtype: string;
}

/** The notebook as it was: its metadata, and the tree of ``(cell id, digest of a DocumentCell)``. */
export interface Document {
  metadata: { [key: string]: unknown };
  cells: string;
}

/** One cell of the notebook as it was. */
export interface DocumentCell {
  id: string;
  cell_type: string;
  source: string;
  metadata?: { [key: string]: unknown };
  attachments?: { [key: string]: unknown } | null;
  execution_count?: number | null;
  outputs?: string | null;
  widgets?: string | null;
}

/** What code ran on: taken once a session. */
export interface Environment {
  python: string;
  implementation: string;
  platform: string;
  packages?: { [key: string]: string };
  cpu?: string;
  cpu_count?: number;
  memory_bytes?: number;
  gpus?: string[];
  git_commit?: string | null;
  git_branch?: string | null;
  is_git_dirty?: boolean | null;
  git_remote?: string | null;
}

/** Variables that share mutable objects: one pickle, so that aliases survive. */
export interface Group {
  names: string[];
  stream: string;
  stream_bytes: number;
  buffers?: Buffer[];
  references?: string[];
  python?: string | null;
}

/** All of a checkpoint that never changes; its digest is the checkpoint's, and what is signed. */
export interface Manifest {
  id: string;
  kind: CheckpointKind;
  created_at: number;
  session_id: string;
  ordinal: number;
  variables: string;
  state: string;
  parent?: string | null;
  parent_id?: string | null;
  run_id?: string | null;
  notebook?: string | null;
  execution?: string | null;
  document?: string | null;
  modules?: { [key: string]: string };
  environment?: string | null;
  changes?: Changes;
  metrics?: { [key: string]: number };
  format?: number;
}

/** One point of one metric. A value that is not finite is ``nan``, ``inf`` or ``-inf``. */
export interface Metric {
  key: string;
  value: number;
  step: number | null;
  logged_at: number;
  checkpoint_id: string | null;
}

/** One value a parameter was given; the last one counts. */
export interface Param {
  key: string;
  value: string;
  logged_at: number;
}

/** What can be shown of a value without having it. Small: at most a few kilobytes as JSON. */
export interface Preview {
  text: string;
  shape?: number[] | null;
  dtype?: string | null;
  length?: number | null;
  columns?: Column[] | null;
  rows?: string[][] | null;
  number?: number | null;
  source?: string | null;
  is_truncated?: boolean;
}

/** One recorded attempt, start to end. */
export interface Run {
  id: string;
  name: string;
  experiment: string;
  session_id: string;
  status: RunStatus;
  started_at: number;
  ended_at: number | null;
  parent_id: string | null;
  notebook: string | null;
  params: { [key: string]: string };
  metrics: { [key: string]: number };
  tags: { [key: string]: string };
  last_checkpoint_id: string | null;
}

/** One kernel's life with one notebook (or one script's). */
export interface Session {
  id: string;
  started_at: number;
  pid: number;
  process_started_at: number;
  host: string;
  python: string;
  author: string;
  notebook: string | null;
  environment: string | null;
  heartbeat_at: number | null;
  ended_at: number | null;
}

/** Who vouches for a manifest. ``value`` is over the 64 ASCII characters of its digest. */
export interface Signature {
  manifest: string;
  scheme: 'hmac-sha256';
  key_id: string;
  value: string;
}

/** What a kernel has beside variables: where it stands and its random generators. */
export interface State {
  cwd: string;
  sys_path: string[];
  random?: { [key: string]: string };
}

/** A name in the kernel's namespace and what is known of its value at a checkpoint. */
export interface Variable {
  name: string;
  type: string;
  status: VariableStatus;
  preview: Preview;
  fingerprint: string;
  group?: string | null;
  size_bytes?: number | null;
  reason?: string | null;
  lossy?: string | null;
}

/** A name that only the later one has. */
export interface Added<T> {
  change: 'added';
  name: string;
  after: T;
}

/** What a reader sees of a notebook's cell. */
export interface Cell {
  cell_type: string;
  source: string;
  id?: string | null;
  output?: string;
}

/** A cell that only the later notebook has, at ``position`` (from 0) there. A moved cell is removed and added. */
export interface CellAdded {
  change: 'added';
  position: number;
  after: Cell;
}

/** A cell that both notebooks have, at ``position`` (from 0) in the later one. */
export interface CellChanged {
  change: 'changed';
  position: number;
  before_position: number;
  before: Cell;
  after: Cell;
}

/** A cell that only the earlier notebook has, at ``position`` (from 0) there. */
export interface CellRemoved {
  change: 'removed';
  position: number;
  before: Cell;
}

/** A name that both have, with different values. */
export interface Changed<T> {
  change: 'changed';
  name: string;
  before: T;
  after: T;
}

/** What turns the checkpoint ``base`` into ``other``. */
export interface CheckpointDiff {
  base: string;
  other: string;
  cells?: CellChange[];
  variables?: (Added<Variable> | Removed<Variable> | Changed<Variable>)[];
  params?: (Added<string> | Removed<string> | Changed<string>)[];
  metrics?: (Added<number> | Removed<number> | Changed<number>)[];
  environment?: EnvironmentDiff;
  modules?: (Added<string> | Removed<string> | Changed<string>)[];
}

/** All of a checkpoint that can be compared without loading a value. */
export interface Contents {
  id: string;
  variables: { [key: string]: Variable };
  params: { [key: string]: string };
  metrics: { [key: string]: number };
  environment: Environment | null;
  modules: { [key: string]: string };
  cells: Cell[];
}

/** How what the code ran on differs: packages by name, the rest by the names of ``Environment``'s fields. */
export interface EnvironmentDiff {
  facts?: (
    | Added<string | number | boolean | string[] | null>
    | Removed<string | number | boolean | string[] | null>
    | Changed<string | number | boolean | string[] | null>
  )[];
  packages?: (Added<string> | Removed<string> | Changed<string>)[];
}

/** A name that only the earlier one has. */
export interface Removed<T> {
  change: 'removed';
  name: string;
  before: T;
}

/** Two moments compared by what can be known without loading a value. */
export interface CheckpointComparison {
  base: Checkpoint;
  other: Checkpoint | null;
  diff: CheckpointDiff;
  notebook: NotebookDiff | null;
}

/** All that is shown of one checkpoint, but for its variables and its notebook. */
export interface CheckpointDetail {
  checkpoint: Checkpoint;
  execution: CellExecution | null;
  outputs: { [key: string]: unknown }[];
  widgets: { [key: string]: unknown } | null;
  session: Session;
  environment: Environment | null;
  run: Run | null;
  modules: { [key: string]: string };
}

/** Checkpoints, newest first. */
export interface CheckpointPage {
  items: Checkpoint[];
  cursor: string | null;
  total: number;
}

/** Why a request was refused. */
export interface Failure {
  code: string;
  message: string;
}

/** The points of a run's metrics, by key, then step. */
export interface MetricList {
  items: Metric[];
}

/** A notebook and what turns it into another, in nbdime's diff format. */
export interface NotebookDiff {
  base: { [key: string]: unknown };
  diff: { [key: string]: unknown }[];
}

/** The event: something was written to a project, by whichever process. */
export interface ProjectChanged {
  project: string;
}

/** A project that the server can show. */
export interface ProjectInfo {
  id: string;
  name: string;
  folder: string;
  notebook: string | null;
  is_writable: boolean;
}

/** The projects known to the server; with a notebook given, the one it belongs to, if any. */
export interface ProjectList {
  items: ProjectInfo[];
}

/** All that is shown of one run, but for the points of its metrics. */
export interface RunDetail {
  run: Run;
  session: Session;
  params: Param[];
  artifacts: Artifact[];
  children: Run[];
}

/** Runs, in the order of the query; newest first without one. */
export interface RunPage {
  items: Run[];
  cursor: string | null;
  total: number;
}

/** What tracking is doing in a kernel. */
export interface TrackingStatus {
  state: 'off' | 'tracking' | 'paused' | 'manual';
  project: string | null;
  notebook: string | null;
  run: string | null;
  current: string | null;
}

/** What is known of every variable at a checkpoint, by name. */
export interface VariableList {
  items: Variable[];
}

/** Two arrays, sparse matrices or tensors that differ. NaN equals NaN. */
export interface ArrayDiff {
  kind: 'array';
  before_shape: number[];
  after_shape: number[];
  before_dtype: string;
  after_dtype: string;
  compared?: number | null;
  differing?: number;
  max_abs_difference?: number | null;
  examples?: ItemChange[];
}

/** One place inside two values where they differ; what is absent on one side is None there. */
export interface ItemChange {
  path: string;
  before?: string | null;
  after?: string | null;
  note?: string | null;
}

/** A numeric column of which cells differ, before and after, all rows of each. */
export interface ColumnSummary {
  column: string;
  before: Summary;
  after: Summary;
}

/** A column, or the index, whose type changed. */
export interface Retyped {
  name: string;
  before: string;
  after: string;
}

/** The numbers of a column, missing ones left out; ``std`` is the sample's. None: there is none, or not a finite one. */
export interface Summary {
  count: number;
  mean: number | null;
  std: number | null;
  min: number | null;
  max: number | null;
}

/** One cell that differs. */
export interface TableCell {
  row: string;
  column: string;
  before: string;
  after: string;
}

/** Two tables that differ. Counts are exact; examples and summaries are the first ones. */
export interface TableDiff {
  kind: 'table';
  before_shape: [number, number];
  after_shape: [number, number];
  columns_added?: Column[];
  columns_removed?: Column[];
  columns_retyped?: Retyped[];
  columns_not_compared?: string[];
  are_columns_reordered?: boolean;
  index_retyped?: Retyped | null;
  rows_matched_by?: 'label' | 'position';
  rows_added?: number;
  rows_removed?: number;
  are_rows_reordered?: boolean;
  rows_changed?: number;
  cells_changed?: number;
  added_rows?: string[];
  removed_rows?: string[];
  examples?: TableCell[];
  summaries?: ColumnSummary[];
}

/** Two containers or objects that differ inside, place by place. */
export interface ItemsDiff {
  kind: 'items';
  type: string;
  changes: ItemChange[];
  count: number;
}

/** One value in the place of another: scalars, values of different types, and what cannot be looked into. */
export interface Replaced {
  kind: 'replaced';
  before_type: string;
  after_type: string;
  before: Preview;
  after: Preview;
  reason?: string | null;
}

/** Two texts, or the sources of two functions or classes, as lines of a unified diff. */
export interface TextDiff {
  kind: 'text';
  lines: string[];
  before_length: number;
  after_length: number;
  what?: 'text' | 'source';
  is_truncated?: boolean;
}

/** The values are the same. */
export interface Unchanged {
  kind: 'unchanged';
}

/** A checkpoint diff with, for each variable that changed and whose values could be had, how its value changed. */
export interface Comparison {
  diff: CheckpointDiff;
  values: { [key: string]: ValueDiff };
}

/** What a restore did, by name. */
export interface RestoreReport {
  checkpoint_id: string;
  is_dry_run: boolean;
  restored: string[];
  unchanged: string[];
  removed: string[];
  kept: string[];
  failed: { [key: string]: string };
  lossy: { [key: string]: string };
  notes: string[];
}
