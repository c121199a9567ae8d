/** The answers to one failure, side by side. */
import { inWords, nameOf } from '../../src/audit.js';
import { decisionSentence, kindSentence } from '../../src/words.js';
import type { Outcome } from './contender.js';
import { byId, make } from './dom.js';

/** The two places. */
export type Place = 'a' | 'b';

interface Row {
  name: string;
  word: string;
  sentence?: string;
}

/** Shows what came of a question in both places. */
export function show(outcomes: Record<Place, Outcome | undefined>): void {
  const rows = { a: rowsOf(outcomes.a), b: rowsOf(outcomes.b) };
  const differing = rows.a.filter((row, index) => rows.b[index] && rows.b[index].word !== row.word);
  const names = new Set(outcomes.a && outcomes.b ? differing.map((row) => row.name) : []);
  for (const place of ['a', 'b'] as const) {
    const outcome = outcomes[place];
    const answer = byId(`answer-${place}`, HTMLElement);
    if (outcome && 'fault' in outcome) answer.replaceChildren(make('p', { class: 'problem' }, outcome.fault));
    else answer.replaceChildren(list(rows[place], names));
  }
  byId('comparison', HTMLElement).textContent = comparison(outcomes, names);
}

function rowsOf(outcome: Outcome | undefined): Row[] {
  if (!outcome || 'fault' in outcome) return [];
  const { kind, rule, countsAgainst } = outcome.verdict;
  return [
    { name: 'Kind', word: nameOf(kind), sentence: kindSentence(kind) },
    {
      name: 'Decision',
      word: inWords(outcome.decision).decision,
      sentence: decisionSentence(outcome.decision),
    },
    { name: 'Rule', word: rule },
    { name: 'Counts against', word: countsAgainst ? nameOf(countsAgainst) : 'nothing' },
  ];
}

function list(rows: Row[], differing: Set<string>): HTMLElement {
  const entries = rows.map(({ name, word, sentence }) => {
    const differs = differing.has(name);
    const value = make('dd', {}, make('code', {}, word));
    if (differs) value.append(' ', make('span', { class: 'differs' }, 'differs'));
    if (sentence) value.append(make('p', {}, sentence));
    return make('div', differs ? { class: 'row differing' } : { class: 'row' }, make('dt', {}, name), value);
  });
  return make('dl', {}, ...entries);
}

function comparison(outcomes: Record<Place, Outcome | undefined>, differing: Set<string>): string {
  if (!outcomes.a || !outcomes.b) return '';
  if ('fault' in outcomes.a || 'fault' in outcomes.b) return 'One of the policies gave no answer.';
  if (differing.has('Kind') || differing.has('Decision')) return 'The two decide differently.';
  return differing.size > 0 ? 'The two decide the same, for other reasons.' : 'The two answer the same.';
}
