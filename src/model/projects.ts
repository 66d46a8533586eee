/**
 * Which project each notebook belongs to, and when something was written to one.
 */
import type { Contents, Event, ServiceManager } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

import { type Client, ClientError } from '../client';
import type { ProjectChanged, ProjectInfo } from '../schema';
import type { IHome, IProjects } from '../tokens';

export const SCHEMA_ID = 'https://events.jupyter.org/mlm_jupyter/project_changed/v1';

/** How long to wait before a server that did not answer is asked again: ever longer, up to the last. */
const WAITS_MS = [500, 1000, 2000, 4000];

/** So often, and so many times, a server that is back is asked what is new: JupyterLab may hear its events half a minute later. */
const DEAF_MS = 2000;
const DEAF_TIMES = 20;

/** So long a project rests after an event: each view may ask the server for something, however many events there are. */
const REST_MS = 200;

export class Projects implements IProjects {
  constructor(
    private readonly client: Pick<Client, 'projects' | 'checkpoints' | 'unreachable'>,
    services: Pick<ServiceManager.IManager, 'contents' | 'events' | 'connectionFailure'>
  ) {
    this.localPath = path => services.contents.localPath(path);
    services.contents.fileChanged.connect(this.onFile, this);
    services.events.stream.connect(this.onEvent, this);
    services.connectionFailure.connect(this.onLost, this);
    client.unreachable.connect(this.onLost, this);
  }

  get changed(): ISignal<IProjects, string> {
    return this._changed;
  }

  async find(notebook: string): Promise<IHome | null> {
    const home = await this.findHome(notebook);
    const before = this.pathsBefore(notebook);
    if (before.length === 0 || (await this.hasHistory(home))) {
      return home;
    }
    for (const path of before) {
      const former = await this.findHome(path);
      if (former !== null && (await this.hasHistory(former))) {
        return { ...former, is_former: true };
      }
    }
    return home;
  }

  /** Where a notebook was before this page saw it renamed, or a folder around it, the last path first. */
  pathsBefore(notebook: string): string[] {
    const paths = [notebook];
    for (const [from, to] of this.renames) {
      if (`${paths[0]}/`.startsWith(`${to}/`)) {
        paths.unshift(from + paths[0].slice(to.length));
      }
    }
    return paths.reverse().slice(1);
  }

  private async findHome(notebook: string): Promise<ProjectInfo | null> {
    const { items } = await this.client.projects(notebook);
    items.forEach(({ id }) => this.known.add(id));
    return items[0] ?? null;
  }

  private async hasHistory(home: ProjectInfo | null): Promise<boolean> {
    if (!home?.notebook) {
      return false;
    }
    const { total } = await this.client.checkpoints(home.id, { notebook: home.notebook, limit: 1 });
    return total > 0;
  }

  private onFile(_: unknown, { type, oldValue, newValue }: Contents.IChangedArgs): void {
    if (type === 'rename' && oldValue?.path && newValue?.path) {
      this.renames.unshift([this.localPath(oldValue.path), this.localPath(newValue.path)]);
    }
  }

  private onEvent(_: unknown, event: Event.Emission): void {
    if (event.schema_id === SCHEMA_ID) {
      this.isDeaf = false;
      this.hear((event as unknown as ProjectChanged).project);
    }
  }

  /** Tell of a project at once, and of all that comes while it rests once more. */
  private hear(project: string): void {
    if (this.resting.has(project)) {
      this.resting.set(project, true);
      return;
    }
    this.resting.set(project, false);
    setTimeout(() => {
      const isWritten = this.resting.get(project);
      this.resting.delete(project);
      if (isWritten) {
        this.hear(project);
      }
    }, REST_MS);
    this._changed.emit(project);
  }

  /** The server does not answer: all that is shown is asked for again, and so says it; and once more when the server is back. */
  private async onLost(): Promise<void> {
    if (this.isLost) {
      return;
    }
    this.isLost = true;
    this.tell();
    for (let turn = 0; !(await this.isAnswering()); turn++) {
      await pause(WAITS_MS[Math.min(turn, WAITS_MS.length - 1)]);
    }
    this.isLost = false;
    this.isDeaf = true;
    for (let turn = 0; turn < DEAF_TIMES && this.isDeaf && !this.isLost; turn++) {
      this.tell();
      await pause(DEAF_MS);
    }
  }

  private async isAnswering(): Promise<boolean> {
    try {
      await this.client.projects();
      return true;
    } catch (error) {
      return error instanceof ClientError && error.code !== 'unreachable'; // another answer is one
    }
  }

  private tell(): void {
    this.known.forEach(project => this._changed.emit(project));
  }

  private readonly localPath: (path: string) => string;
  /** From where to where files and folders were renamed or moved, the last one first. */
  private readonly renames: [string, string][] = [];
  /** The projects that were found. */
  private readonly known = new Set<string>();
  /** Those that were told of just now, and whether they were written to since. */
  private readonly resting = new Map<string, boolean>();
  private isLost = false;
  /** The server is back, and no event was heard from it yet. */
  private isDeaf = false;

  private readonly _changed = new Signal<IProjects, string>(this);
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
