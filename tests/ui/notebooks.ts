/** Notebooks for the journeys to begin with, none of whose cells has run. */

/** A notebook of code cells with these sources; `metadata` is that of each cell. */
export function notebookOf(sources: string[], metadata: object = {}): object {
  return {
    cells: sources.map((source, at) => ({
      cell_type: 'code',
      id: `cell-${at}`,
      source,
      metadata,
      outputs: [],
      execution_count: null
    })),
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5
  };
}
