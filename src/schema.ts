// Made by: python -m mlm_jupyter.typescript > src/schema.ts

export type CellChange = CellAdded | CellRemoved | CellChanged;

/**
 * Why a checkpoint was made: tracking started; a cell ran; somebody asked; a restore saved what it
 * was to replace.
 */
export type CheckpointKind = 'baseline' | 'cell' | 'manual' | 'save';

export type ExecutionStatus = 'ok' | 'error' | 'interrupted';

export type Fact = string | number | boolean | string[] | null;

/** A number. JSON has no word for one that is not finite: it is ``null`` there. */
export type MetricValue = number | null;

export type RunStatus = 'running' | 'finished' | 'failed' | 'killed';

export type ValueDiff = Unchanged | Replaced | ItemsDiff | TableDiff | ArrayDiff | TextDiff;

/**
 * ``stored``: its value can be restored. ``reference``: a module or a library's own object,
 * imported again on restore.
 * ``not_captured``: see ``reason``. ``excluded``, ``secret``: by a setting. ``dropped``: retention
 * freed the bytes.
 */
export type VariableStatus =
  'stored' | 'reference' | 'not_captured' | 'excluded' | 'secret' | 'dropped';

export type Change<T> = Added<T> | Removed<T> | Changed<T>;

/** A name that only the later one has. */
export interface Added<T> {
  change: 'added';
  name: string;
  after: T;
}

/** Two arrays, sparse matrices or tensors that differ. NaN equals NaN. */
export interface ArrayDiff {
  kind: 'array';
  before_shape: number[];
  after_shape: number[];
  before_dtype: string;
  after_dtype: string;
  /** Elements that both have, which were compared; None: their types or dimensions cannot be. */
  compared?: number | null;
  differing?: number;
  /** Over the elements that differ and are finite numbers on both sides, in double precision. */
  max_abs_difference?: number | null;
  examples?: ItemChange[];
}

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
  /** Read by our reducers, by its number; otherwise handed to whoever asked for it, in order. */
  is_ours: boolean;
  is_readonly: boolean;
}

/** What a reader sees of a notebook's cell. */
export interface Cell {
  cell_type: string;
  source: string;
  id?: string | null;
  /**
   * Its outputs as text; of what is not text, the media type, size and the start of a digest. The
   * server leaves it out.
   */
  output?: string;
}

/**
 * A cell that only the later notebook has, at ``position`` (from 0) there. A moved cell is removed
 * and added.
 */
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
  /** A blob: a JSON list of nbformat outputs. */
  outputs: string | null;
  /** A blob: the state of the widgets that the outputs show, as a notebook's metadata holds it. */
  widgets: string | null;
  reads: string[];
  writes: string[];
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

/** The names of the variables in which a checkpoint differs from its parent, each list in order. */
export interface Changes {
  added: string[];
  changed: string[];
  removed: string[];
  /**
   * Those of the above that changed outside this cell: by a thread, a silent execution, or some
   * time before.
   */
  between: string[];
}

/**
 * The state after one cell execution (or on demand), as it is listed; the rest is behind
 * ``digest``.
 */
export interface Checkpoint {
  id: string;
  digest: string;
  kind: CheckpointKind;
  created_at: number;
  session_id: string;
  /** Its number among the checkpoints of its notebook, from 1. */
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
  metrics: { [key: string]: MetricValue };
  /** Retention freed the values that only this checkpoint needed. */
  is_dropped: boolean;
}

/** Two moments compared by what can be known without loading a value. */
export interface CheckpointComparison {
  base: Checkpoint;
  /** None: the notebook as it was sent, which is ``now``. */
  other: Checkpoint | null;
  diff: CheckpointDiff;
  /** None: neither has a notebook. */
  notebook: NotebookDiff | null;
}

/** All that is shown of one checkpoint, but for its variables and its notebook. */
export interface CheckpointDetail {
  checkpoint: Checkpoint;
  execution: CellExecution | null;
  /** What the cell showed, as nbformat outputs, late ones too. */
  outputs: { [key: string]: unknown }[];
  /** The state of the widgets among the outputs, as a notebook's metadata holds it. */
  widgets: { [key: string]: unknown } | null;
  author: string;
  session: Session;
  environment: Environment | null;
  run: Run | null;
  /** The text of each imported module of the project, by path. */
  modules: { [key: string]: string };
  /** What of it was too large; a line among the outputs says so too. */
  left_out: LeftOut[];
}

/** What turns the checkpoint ``base`` into ``other``. */
export interface CheckpointDiff {
  base: string;
  other: string;
  cells?: CellChange[];
  variables?: Change<Variable>[];
  params?: Change<string>[];
  /** A value that is not finite is ``null`` in JSON. */
  metrics?: Change<MetricValue>[];
  environment?: EnvironmentDiff;
  modules?: Change<string>[];
}

/**
 * Checkpoints, newest first. A source of more than 20,000 characters is cut off there; its detail
 * has it all.
 */
export interface CheckpointPage {
  items: Checkpoint[];
  /** Ask with it for the next page; None: this is the last. */
  cursor: string | null;
  /** How many there are in all pages. */
  total: number;
}

/** One column of a table's preview. */
export interface Column {
  name: string;
  dtype: string;
}

/** A numeric column of which cells differ, before and after, all rows of each. */
export interface ColumnSummary {
  column: string;
  before: Summary;
  after: Summary;
}

/**
 * A checkpoint diff with, for each variable that changed and whose values could be had, how its
 * value changed.
 */
export interface Comparison {
  diff: CheckpointDiff;
  values: { [key: string]: ValueDiff };
}

/** All of a checkpoint that can be compared without loading a value. */
export interface Contents {
  id: string;
  variables: { [key: string]: Variable };
  params: { [key: string]: string };
  metrics: { [key: string]: MetricValue };
  environment: Environment | null;
  /** The text of each imported module of the project, by path. */
  modules: { [key: string]: string };
  cells: Cell[];
}

/** The notebook as it was. */
export interface Document {
  /** The tree of ``(cell id, digest of a DocumentCell)``. */
  cells: string;
  /**
   * A blob: the notebook's metadata as JSON, which can hold megabytes of widgets; None: it has
   * none.
   */
  metadata?: string | null;
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
  /** The state of the widgets that the outputs show. */
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

/**
 * How what the code ran on differs: packages by name, the rest by the names of ``Environment``'s
 * fields.
 */
export interface EnvironmentDiff {
  facts?: Change<Fact>[];
  packages?: Change<string>[];
}

/** Why a request was refused. */
export interface Failure {
  code: string;
  message: string;
}

/**
 * Variables that share mutable objects: one pickle, so that aliases survive.
 *
 * The pickle is of the value where there is one name, of a tuple of the values in the order of the
 * names where there are more.
 */
export interface Group {
  names: string[];
  /** A blob: the pickle, protocol 5, without FRAME opcodes. */
  stream: string;
  stream_bytes: number;
  buffers?: Buffer[];
  /** Names of functions and classes of the notebook that the pickle refers to by name. */
  references?: string[];
  /** The only minor version of Python that can load it (it holds bytecode), ``3.13``; None: any. */
  python?: string | null;
}

/** One place inside two values where they differ; what is absent on one side is None there. */
export interface ItemChange {
  /** From the value itself: ``['lr']``, ``.steps[0]``, ``[2, 7]``; empty for the value. */
  path: string;
  before?: string | null;
  after?: string | null;
  note?: string | null;
}

/** Two containers or objects that differ inside, place by place. */
export interface ItemsDiff {
  kind: 'items';
  type: string;
  changes: ItemChange[];
  /** All places that differ; at most a hundred are listed in ``changes``. */
  count: number;
}

/** Something too large to be sent with the rest; its bytes can be downloaded. */
export interface LeftOut {
  what: 'outputs' | 'widgets';
  blob: string;
  size_bytes: number;
}

/** What had been logged in a checkpoint's run when it was made: the last value of each. */
export interface Logged {
  params: { [key: string]: string };
  metrics: { [key: string]: MetricValue };
}

/** All of a checkpoint that never changes; its digest is the checkpoint's, and what is signed. */
export interface Manifest {
  id: string;
  kind: CheckpointKind;
  created_at: number;
  session_id: string;
  ordinal: number;
  /** The tree of ``(name, digest of a Variable)``, sorted by name. */
  variables: string;
  state: string;
  parent?: string | null;
  parent_id?: string | null;
  run_id?: string | null;
  notebook?: string | null;
  execution?: CellExecution | null;
  document?: Document | null;
  /** Sources of the imported modules that lie in the project: path to blob. */
  modules?: { [key: string]: string };
  environment?: string | null;
  changes?: Changes;
  /** The last value of each metric logged while the cell ran. */
  metrics?: { [key: string]: MetricValue };
  /** Who asked for it, where a frontend said: several may work in one session. */
  author?: string | null;
  format?: number;
}

/**
 * One point of one metric. A value that is not finite is ``nan``, ``inf`` or ``-inf``; in JSON it
 * is ``null``.
 */
export interface Metric {
  key: string;
  value: MetricValue;
  step: number | null;
  logged_at: number;
  checkpoint_id: string | null;
}

/** The points of a run's metrics, by key, then step. */
export interface MetricList {
  items: Metric[];
}

/**
 * A notebook and what turns it into another, in nbdime's diff format.
 *
 * Changes of execution counts, metadata and cell ids are left out unless they were asked for.
 */
export interface NotebookDiff {
  base: { [key: string]: unknown };
  diff: { [key: string]: unknown }[];
}

/** One value a parameter was given; the last one counts. */
export interface Param {
  key: string;
  value: string;
  logged_at: number;
}

/** What can be shown of a value without having it. Small: at most a few kilobytes as JSON. */
export interface Preview {
  /**
   * A short text for people, at most 2,000 characters: a number itself, the head of a list, a
   * model's parameters.
   */
  text: string;
  shape?: number[] | null;
  dtype?: string | null;
  length?: number | null;
  columns?: Column[] | null;
  /** The head of a table, cells as text; the first entry of each row is its index label. */
  rows?: string[][] | null;
  /** A scalar's own value, where it is finite. */
  number?: number | null;
  /** The source of a function or class defined in the notebook. */
  source?: string | null;
  is_truncated?: boolean;
}

/** The event: something was written to a project, by whichever process. */
export interface ProjectChanged {
  project: string;
}

/** A project that the server can show. */
export interface ProjectInfo {
  /** What stands for it in a URL; it says nothing of where it lies. */
  id: string;
  /** The name of its folder. */
  name: string;
  /** Where it lies: relative to the server's root, or the full path where it lies above that. */
  folder: string;
  /** The path, as checkpoints of the project have it, of the notebook that was asked for. */
  notebook: string | null;
  is_writable: boolean;
}

/** The projects known to the server; with a notebook given, the one it belongs to, if any. */
export interface ProjectList {
  items: ProjectInfo[];
}

/** A name that only the earlier one has. */
export interface Removed<T> {
  change: 'removed';
  name: string;
  before: T;
}

/**
 * One value in the place of another: scalars, values of different types, and what cannot be looked
 * into.
 */
export interface Replaced {
  kind: 'replaced';
  before_type: string;
  after_type: string;
  before: Preview;
  after: Preview;
  /**
   * Why only what can be shown of them was compared, so that they may be the same, or differ where
   * they look the same.
   */
  reason?: string | null;
}

/**
 * What a restore did, by name.
 *
 * Attributes
 * ----------
 * restored : names that have their value of the checkpoint again.
 * unchanged : names whose value was that already.
 * removed : names that did not exist at the checkpoint.
 * kept : live objects that cannot be rewound (a connection, a lock, what was excluded): the object
 * of the checkpoint, its
 *     inside as it is now.
 * failed : names that could not be brought back, and why; they are unbound.
 * displaced : the objects that were bound to failed and removed names.
 * lossy : restored names whose value lacks something, and what.
 * notes : what else is to be known.
 */
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

/** A column, or the index, whose type changed. */
export interface Retyped {
  name: string;
  before: string;
  after: string;
}

/**
 * One recorded attempt, start to end.
 *
 * The checkpoints made while it was open, those of the cells it began and ended in too, are those
 * of its session whose ids lie
 * between ``from_id`` (None: its own id) and ``until_id`` (None: the end of the session).
 */
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
  /** The id kept for the checkpoint of the cell it began in. */
  from_id: string | null;
  /**
   * The last id that a checkpoint made in it can have: that kept for the one of the cell it ended
   * in, or the moment's.
   */
  until_id: string | null;
  /**
   * The checkpoint the kernel stood on when it ended, if the cell it ended in left none: it may be
   * one gone back to.
   */
  ended_on_id: string | null;
  params: { [key: string]: string };
  /**
   * The last value of each metric: the one with the highest step, the later where steps are equal
   * or absent.
   */
  metrics: { [key: string]: MetricValue };
  tags: { [key: string]: string };
  /**
   * Whose state it ended with, as far as that is stored; of a run that is open or was killed, the
   * last made in it.
   */
  last_checkpoint_id: string | null;
}

/** All that is shown of one run, but for the points of its metrics. */
export interface RunDetail {
  run: Run;
  session: Session;
  /** Every value each was given, in order of time. */
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
  /**
   * For each global generator (``random``, ``numpy.random``, ``torch``) a blob: the pickle of its
   * state.
   */
  random?: { [key: string]: string };
}

/**
 * The numbers of a column, missing ones left out; ``std`` is the sample's. None: there is none, or
 * not a finite one.
 */
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
  /** Of the retyped ones: their cells cannot be compared. */
  columns_not_compared?: string[];
  are_columns_reordered?: boolean;
  index_retyped?: Retyped | null;
  /**
   * ``position`` when the tables have no label in common, or labels that cannot be looked up. Of
   * rows with one label,
   * the first is matched with the first, and so on.
   */
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

/** Two texts, or the sources of two functions or classes, as lines of a unified diff. */
export interface TextDiff {
  kind: 'text';
  lines: string[];
  before_length: number;
  after_length: number;
  what?: 'text' | 'source';
  is_truncated?: boolean;
}

/** What tracking is doing in a kernel. */
export interface TrackingStatus {
  state: 'off' | 'tracking' | 'paused' | 'manual';
  /** The folder that holds ``.mlm/``. */
  project: string | null;
  notebook: string | null;
  /** The name of the run of the cells. */
  run: string | null;
  /** The name or id of the checkpoint where the kernel stands. */
  current: string | null;
}

/** The values are the same. */
export interface Unchanged {
  kind: 'unchanged';
}

/** A name in the kernel's namespace and what is known of its value at a checkpoint. */
export interface Variable {
  name: string;
  /** Where the type lives and its name, ``pandas.DataFrame``; builtins without a module. */
  type: string;
  status: VariableStatus;
  preview: Preview;
  /**
   * Equal fingerprints mean equal values (a value may come back with another one: ``1`` and
   * ``True`` do not).
   */
  fingerprint: string;
  /** The alias group that holds the value. */
  group?: string | null;
  size_bytes?: number | null;
  /** Why the value is not stored. */
  reason?: string | null;
  /** What a restored value will lack, ``without .grad``. */
  lossy?: string | null;
}

/** What is known of every variable at a checkpoint, by name. */
export interface VariableList {
  items: Variable[];
}
