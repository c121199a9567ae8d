/** Recorded failures, and what both policies say of them. */
import { inWords, nameOf } from '../../src/audit.js';
import { amountsTo, type Case, type Label } from '../../src/cases.js';
import type { Circumstances } from '../../src/types.js';
import type { Place } from './answer.js';
import type { Loaded, Outcome } from './contender.js';
import { byId, make } from './dom.js';

/** A case and what came of it. */
export interface Row {
  readonly recorded: Case;
  readonly outcomes: Record<Place, Outcome>;
}

/** Which rows are shown. */
export type Filter = 'all' | 'different' | 'wrong';

/** Rows that are put into the page at once. */
const PAGE = 500;

const circumstances: Circumstances = {
  number: 1,
  refreshed: false,
  superseded: false,
  elapsed: 1_000,
  remaining: 59_000,
  retryBudget: 3,
  random: 0x8000_0000,
};

/** Puts cases to both policies. */
export async function ask(cases: readonly Case[], policies: Record<Place, Loaded>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const recorded of cases) {
    const [a, b] = await Promise.all([
      policies.a.judge(recorded.failure, circumstances),
      policies.b.judge(recorded.failure, circumstances),
    ]);
    rows.push({ recorded, outcomes: { a, b } });
  }
  return rows;
}

/** The rows of a filter. */
export function filtered(rows: readonly Row[], filter: Filter): Row[] {
  if (filter === 'different') return rows.filter(isDifferent);
  if (filter === 'wrong') return rows.filter((row) => !isRight(row, 'a') || !isRight(row, 'b'));
  return [...rows];
}

/** Whether the policies decide differently, or for another kind of failure. */
export function isDifferent({ outcomes }: Row): boolean {
  return summary(outcomes.a) !== summary(outcomes.b);
}

/** Shows rows; `choose` is told of the one that a person picks. */
export function show(rows: readonly Row[], choose: (chosen: Case) => void): void {
  const body = byId('rows', HTMLTableSectionElement);
  const more = byId('more', HTMLButtonElement);
  body.replaceChildren();
  let shown = 0;
  const showMore = () => {
    body.append(...rows.slice(shown, shown + PAGE).map((row) => rowElement(row, choose)));
    shown = Math.min(shown + PAGE, rows.length);
    more.hidden = shown === rows.length;
    more.textContent = `Show ${Math.min(PAGE, rows.length - shown)} more of ${rows.length}`;
  };
  more.onclick = showMore;
  showMore();
  byId('no-rows', HTMLElement).hidden = rows.length > 0;
}

/** Shows how both policies did, as `policy test` counts. */
export function showScores(rows: readonly Row[], names: Record<Place, string>): void {
  const clear = rows.filter((row) => !row.recorded.ambiguous);
  const body = (['a', 'b'] as const).map((place) => {
    const { precision, recall } = expired(rows, place);
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, names[place]),
      cell('all', share(rows.filter((row) => isRight(row, place)).length, rows.length)),
      cell('clear', share(clear.filter((row) => isRight(row, place)).length, clear.length)),
      cell('precision', precision),
      cell('recall', recall),
    );
  });
  byId('scores', HTMLTableSectionElement).replaceChildren(...body);
  const different = rows.filter(isDifferent).length;
  byId('cases-summary', HTMLElement).textContent =
    `${count(rows.length, 'case')}; the policies differ on ${different === 0 ? 'none' : different}.`;
}

function rowElement(row: Row, choose: (chosen: Case) => void): HTMLTableRowElement {
  const { id, label, failure } = row.recorded;
  const pick = make('button', { type: 'button', class: 'pick', title: 'Put this failure into the form' }, id);
  pick.onclick = () => choose(row.recorded);
  const status = failure.httpStatus === undefined ? '' : `${failure.httpStatus} `;
  return make(
    'tr',
    isDifferent(row) ? { class: 'differing' } : {},
    make('th', { scope: 'row', 'data-name': 'Case' }, pick),
    make('td', { 'data-name': 'Text', class: 'text' }, `${status}${failure.message.slice(0, 160)}`),
    make(
      'td',
      { 'data-name': 'Label' },
      make('code', {}, label),
      row.recorded.ambiguous ? ' (disputable)' : '',
    ),
    outcomeCell(row, 'a', 'Policy A'),
    outcomeCell(row, 'b', 'Policy B'),
  );
}

function outcomeCell(row: Row, place: Place, name: string): HTMLTableCellElement {
  const outcome = row.outcomes[place];
  if ('fault' in outcome) return make('td', { 'data-name': name, class: 'problem' }, outcome.fault);
  const mark = isRight(row, place) ? [] : [' ', make('span', { class: 'miss' }, 'not the label')];
  const { kind, rule } = outcome.verdict;
  return make(
    'td',
    { 'data-name': name },
    make('code', {}, nameOf(kind)),
    ...mark,
    make('small', {}, `${rule} → ${inWords(outcome.decision).decision}`),
  );
}

function isRight(row: Row, place: Place): boolean {
  return said(row, place) === row.recorded.label;
}

/** The label that an answer amounts to; none when there is none, or when the policy does not know. */
function said({ recorded, outcomes }: Row, place: Place): Label | undefined {
  const outcome = outcomes[place];
  return 'fault' in outcome ? undefined : amountsTo(recorded, outcome.verdict.kind, outcome.decision);
}

function summary(outcome: Outcome): string {
  if ('fault' in outcome) return 'fault';
  return `${nameOf(outcome.verdict.kind)} ${inWords(outcome.decision).decision}`;
}

function expired(rows: readonly Row[], place: Place): { precision: string; recall: string } {
  const wanted = rows.filter((row) => row.recorded.label === 'token-expired');
  const found = rows.filter((row) => said(row, place) === 'token-expired');
  const hits = found.filter((row) => row.recorded.label === 'token-expired').length;
  return { precision: share(hits, found.length), recall: share(hits, wanted.length) };
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : (part / whole).toFixed(3);
}

function cell(name: string, value: string): HTMLTableCellElement {
  return make('td', { class: 'number', 'data-name': name }, value);
}

function count(amount: number, what: string): string {
  return `${amount.toLocaleString('en')} ${what}${amount === 1 ? '' : 's'}`;
}
