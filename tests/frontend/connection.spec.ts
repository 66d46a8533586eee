/**
 * A server that goes away and comes back, as the client and what follows the projects see it.
 */
import { ServerConnection, type ServiceManager } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { Client } from '../../src/client';
import { Projects, SCHEMA_ID } from '../../src/model/projects';

/** A server that knows a project only from when it was asked for a notebook of it. */
class Server {
  isUp = true;
  isMissing = false;
  knows = false;
  /** Whether the project is the root folder's: then it is always among those the server knows. */
  isAtRoot = false;
  asked: string[] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/',
    fetch: async input => {
      const { pathname, search } = new URL((input as Request).url);
      this.asked.push(pathname + search);
      if (!this.isUp) {
        throw new TypeError('Failed to fetch');
      }
      const [status, body] = this.answer(pathname, search);
      return new Response(JSON.stringify(body), { status });
    }
  });

  private answer(path: string, search: string): [number, unknown] {
    if (path === '/mlm/projects') {
      this.knows ||= this.isAtRoot || search.startsWith('?notebook=');
      return [200, { items: this.knows ? [{ id: 'p' }] : [] }];
    }
    return this.knows && !this.isMissing
      ? [200, { items: [], total: 0, cursor: null }]
      : [404, { code: 'not_found', message: 'There is none.' }];
  }
}

describe('a server that was restarted', () => {
  it('is told of a project it has forgotten, once', async () => {
    const server = new Server();
    const client = new Client(server.settings);
    await client.projects('a/b.ipynb');
    server.knows = false;
    await expect(client.checkpoints('p')).resolves.toMatchObject({ total: 0 });
    expect(server.asked.filter(path => path.includes('notebook=')).length).toBe(2);
  });

  it('is told of a project that a page knows of by its layout alone', async () => {
    const server = new Server();
    const client = new Client(server.settings);
    client.remember('p', 'a/b.ipynb');
    await expect(client.checkpoints('p')).resolves.toMatchObject({ total: 0 });
  });

  it('knows the project of its root folder again when it is asked for all it knows', async () => {
    const server = new Server();
    server.isAtRoot = true;
    const client = new Client(server.settings);
    await expect(client.checkpoints('p')).resolves.toMatchObject({ total: 0 });
    expect(server.asked.filter(path => path.includes('notebook=')).length).toBe(0);
  });

  it('is believed the second time that it does not have what is asked of it', async () => {
    const server = new Server();
    const client = new Client(server.settings);
    await client.projects('a/b.ipynb');
    server.isMissing = true;
    await expect(client.checkpoint('p', 'x')).rejects.toMatchObject({ code: 'not_found' });
    expect(server.asked.filter(path => path.includes('/checkpoints/')).length).toBe(2);
  });
});

describe('a server that does not answer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is waited for, and then all that is shown is asked for until an event is heard', async () => {
    const server = new Server();
    const client = new Client(server.settings);
    const events = { stream: new Signal<object, object>({}) };
    const connectionFailure = new Signal<object, Error>({});
    const contents = { fileChanged: new Signal<object, object>({}) };
    const services = { contents, events, connectionFailure } as unknown as ServiceManager.IManager;
    const projects = new Projects(client, services);
    await projects.find('a/b.ipynb');
    const told: string[] = [];
    projects.changed.connect((_, project) => void told.push(project));

    server.isUp = false;
    await expect(client.runs('p')).rejects.toMatchObject({ code: 'unreachable' });
    connectionFailure.emit(new Error('the same'));
    expect(told).toEqual(['p']); // all ask, and say so
    await jest.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveLength(1);

    server.isUp = true;
    await jest.advanceTimersByTimeAsync(10_000);
    const { length } = told;
    expect(length).toBeGreaterThan(2);
    events.stream.emit({ schema_id: SCHEMA_ID, project: 'p' });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveLength(length + 1);
  });
});
