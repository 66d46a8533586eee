/**
 * Which project each notebook belongs to, and when something was written to one.
 */
import type { Event, ServiceManager } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

import type { Client } from '../client';
import type { ProjectChanged, ProjectInfo } from '../schema';
import type { IProjects } from '../tokens';

export const SCHEMA_ID = 'https://events.jupyter.org/mlm_jupyter/project_changed/v1';

export class Projects implements IProjects {
  constructor(
    private readonly client: Client,
    services: ServiceManager.IManager
  ) {
    services.events.stream.connect(this.onEvent, this);
  }

  get changed(): ISignal<IProjects, string> {
    return this._changed;
  }

  async find(notebook: string): Promise<ProjectInfo | null> {
    const { items } = await this.client.projects(notebook);
    return items[0] ?? null;
  }

  private onEvent(_: unknown, event: Event.Emission): void {
    if (event.schema_id === SCHEMA_ID) {
      this._changed.emit((event as unknown as ProjectChanged).project);
    }
  }

  private readonly _changed = new Signal<IProjects, string>(this);
}
