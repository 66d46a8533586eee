/**
 * The only file that does HTTP.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import type {
  Checkpoint,
  CheckpointComparison,
  CheckpointDetail,
  CheckpointPage,
  Failure,
  Logged,
  MetricList,
  ProjectList,
  Run,
  RunDetail,
  RunPage,
  VariableList
} from './schema';

/** Which checkpoints are asked for; what is left out is no condition. */
export interface ICheckpointQuery {
  notebook?: string;
  run?: string;
  /** Some of a cell's source, a name or a note. */
  text?: string;
  /** The name of a variable that was added, changed or removed. */
  variable?: string;
  /** The id of a cell. */
  cell?: string;
  status?: string;
  cursor?: string;
  limit?: number;
}

/** Which runs are asked for: MLflow's filter language. */
export interface IRunQuery {
  query?: string;
  cursor?: string;
  limit?: number;
}

/** A request that was refused, or not answered; `code` is the server's, `unreachable` or `missing` (no server half). */
export class ClientError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 0
  ) {
    super(message);
    this.name = 'ClientError';
  }
}

type Values = { [key: string]: string | number | undefined };

export class Client {
  constructor(
    private readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings(),
    private readonly trans: TranslationBundle = nullTranslator.load('mlm_jupyter')
  ) {}

  /** A request was not answered at all. */
  get unreachable(): ISignal<Client, void> {
    return this._unreachable;
  }

  /** The projects the server knows; of a notebook (its path on the server), the one it belongs to. */
  async projects(notebook?: string): Promise<ProjectList> {
    const list = await this.get<ProjectList>(['projects'], { notebook });
    if (notebook) {
      list.items.forEach(({ id }) => this.homes.set(id, notebook));
    }
    return list;
  }

  /** Say which notebook may be of a project: by it a server that was restarted finds the project again. */
  remember(project: string, notebook: string): void {
    if (!this.homes.has(project)) {
      this.homes.set(project, notebook);
    }
  }

  checkpoints(project: string, query: ICheckpointQuery = {}): Promise<CheckpointPage> {
    return this.get(['projects', project, 'checkpoints'], { ...query });
  }

  checkpoint(project: string, id: string): Promise<CheckpointDetail> {
    return this.get(['projects', project, 'checkpoints', id]);
  }

  /** The notebook as it was, in the form of nbformat 4.5. */
  notebook(project: string, id: string): Promise<{ [key: string]: unknown }> {
    return this.get(['projects', project, 'checkpoints', id, 'notebook']);
  }

  variables(project: string, id: string): Promise<VariableList> {
    return this.get(['projects', project, 'checkpoints', id, 'variables']);
  }

  /** The params and metrics of its run, as they were when it was made. */
  logged(project: string, id: string): Promise<Logged> {
    return this.get(['projects', project, 'checkpoints', id, 'logged']);
  }

  diff(project: string, base: string, other: string): Promise<CheckpointComparison> {
    return this.get(['projects', project, 'diff'], { base, other });
  }

  /** Compare with a notebook that is no checkpoint. */
  diffWithNotebook(
    project: string,
    base: string,
    notebook: unknown
  ): Promise<CheckpointComparison> {
    return this.send('POST', ['projects', project, 'diff'], { base, notebook });
  }

  runs(project: string, query: IRunQuery = {}): Promise<RunPage> {
    return this.get(['projects', project, 'runs'], { ...query });
  }

  run(project: string, id: string): Promise<RunDetail> {
    return this.get(['projects', project, 'runs', id]);
  }

  /** The points of a run's metrics, thinned out to about `points` each. */
  metrics(project: string, run: string, key?: string, points?: number): Promise<MetricList> {
    return this.get(['projects', project, 'runs', run, 'metrics'], { key, points });
  }

  /** Give a checkpoint a name or a note; null takes it away. */
  changeCheckpoint(
    project: string,
    id: string,
    change: { name?: string | null; note?: string | null }
  ): Promise<Checkpoint> {
    return this.send('PATCH', ['projects', project, 'checkpoints', id], change);
  }

  /** Set tags of a run. */
  changeRun(
    project: string,
    id: string,
    change: { tags: { [key: string]: string } }
  ): Promise<Run> {
    return this.send('PATCH', ['projects', project, 'runs', id], change);
  }

  deleteCheckpoint(project: string, id: string): Promise<void> {
    return this.send('DELETE', ['projects', project, 'checkpoints', id]);
  }

  deleteRun(project: string, id: string): Promise<void> {
    return this.send('DELETE', ['projects', project, 'runs', id]);
  }

  /**
   * Where the bytes of an output or artifact can be downloaded; of outputs, tell the checkpoint that shows them: without it
   * only the newest are looked through.
   */
  blobUrl(project: string, digest: string, checkpoint?: string): string {
    return this.url(['projects', project, 'blobs', digest], { checkpoint });
  }

  private get<T>(parts: string[], values: Values = {}): Promise<T> {
    return this.remind(parts, () => this.request(this.url(parts, values), { method: 'GET' }));
  }

  private send<T>(method: string, parts: string[], body?: unknown): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return this.remind(parts, () => this.request(this.url(parts), { method, body: text }));
  }

  /**
   * Ask, and once more where something is not there: a server that was restarted knows a project again when it is asked for all
   * it knows, if the project is its root folder's, else for a notebook of it.
   */
  private async remind<T>([, project]: string[], ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!project || !(error instanceof ClientError) || error.code !== 'not_found') {
        throw error;
      }
      const { items } = await this.projects();
      const home = this.homes.get(project);
      if (home !== undefined && items.every(({ id }) => id !== project)) {
        await this.projects(home).catch(() => undefined); // then it is not found again, which says more
      }
      return ask();
    }
  }

  private url(parts: string[], values: Values = {}): string {
    const path = URLExt.join(this.settings.baseUrl, 'mlm', ...parts.map(encodeURIComponent));
    const asked = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
    return (
      path + URLExt.objectToQueryString(Object.fromEntries(asked) as { [key: string]: string })
    );
  }

  private async request<T>(url: string, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      this._unreachable.emit();
      throw new ClientError(
        'unreachable',
        this.trans.__(
          'The Jupyter server does not answer. Start it again if it was stopped: the page finds it by itself.'
        )
      );
    }
    if (response.status === 204) {
      return undefined as T;
    }
    const text = await response.text();
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
    if (response.ok && body !== null) {
      return body as T;
    }
    const failure = (body ?? {}) as Partial<Failure>;
    if (!failure.code) {
      throw new ClientError(
        'missing',
        this.trans.__(
          'The server half of mlm_jupyter does not answer. Install mlm_jupyter where JupyterLab runs, and restart it.'
        ),
        response.status
      );
    }
    throw new ClientError(failure.code, failure.message ?? response.statusText, response.status);
  }

  /** A notebook of each project, as far as one is known. */
  private readonly homes = new Map<string, string>();
  private readonly _unreachable = new Signal<Client, void>(this);
}
