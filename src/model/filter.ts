/**
 * The words of the filter box: `merge var:df status:error` asks for checkpoints in which `df` changed, that failed and whose text
 * has "merge".
 */

/** What the box asks for; what is left out is no condition. */
interface IFilter {
  text?: string;
  variable?: string;
  cell?: string;
  status?: string;
  run?: string;
}

const FIELDS: { readonly [word: string]: keyof IFilter } = {
  var: 'variable',
  variable: 'variable',
  cell: 'cell',
  status: 'status',
  run: 'run'
};

/** The values that `status:` can have. */
const STATUSES = ['ok', 'error', 'interrupted'];

/** `var:df`, `run:"my run"`: a field and its value, bare or in quotes. */
const TERM = /(?<=^|\s)(\w+):(?:"([^"]*)"|(\S*))(?:\s+|$)/g;

/** Read what was typed: known fields with a value are conditions, the last of each; the rest is text to be found as it is. */
export function parseFilter(typed: string): IFilter {
  const filter: IFilter = {};
  const text = typed.replace(TERM, (term, word: string, quoted?: string, bare?: string) => {
    const field = Object.hasOwn(FIELDS, word) ? FIELDS[word] : undefined;
    if (field === undefined) {
      return term;
    }
    const value = quoted ?? bare;
    if (value) {
      filter[field] = field === 'status' ? expandStatus(value) : value;
    }
    return '';
  });
  const words = text.trim();
  return words ? { ...filter, text: words } : filter;
}

/**
 * What the word being typed last could become, each with all that was typed before it.
 *
 * @param variables - names of variables, those to offer first first
 */
export function completeFilter(typed: string, variables: readonly string[]): string[] {
  const start = typed.search(/\S*$/);
  const before = typed.slice(0, start);
  const word = typed.slice(start);
  const all = [
    ...STATUSES.map(status => `status:${status}`),
    ...variables.map(name => `var:${name}`),
    'run:',
    'cell:'
  ];
  return all.filter(term => term !== word && term.startsWith(word)).map(term => before + term);
}

/** `e` is `error`; what is no beginning of a status is left for the server to complain about. */
function expandStatus(value: string): string {
  return STATUSES.find(status => status.startsWith(value)) ?? value;
}
