/** The page: one failure or many, two policies, what they say. */
import { type Case, parseCases } from '../../src/cases.js';
import { type Place, show as showAnswers } from './answer.js';
import { carried, type Loaded, loadCarried, loadFile } from './contender.js';
import { byId, make } from './dom.js';
import { examples } from './examples.js';
import * as form from './form.js';
import { textOf } from './platform.js';
import * as table from './table.js';

const places = ['a', 'b'] as const;
const policies: Partial<Record<Place, Loaded>> = {};
let cases: Case[] = [];
let rows: table.Row[] = [];

/** What was started last; what was started before it is not shown any more. */
let asking = 0;
let askingCases = 0;

async function answer(): Promise<void> {
  const turn = ++asking;
  const { a, b } = policies;
  const asked = form.read();
  byId('facts', HTMLElement).textContent = JSON.stringify(asked.failure, null, 2);
  try {
    const outcomes = {
      a: await a?.judge(asked.failure, asked.circumstances),
      b: await b?.judge(asked.failure, asked.circumstances),
    };
    if (turn !== asking) return;
    tell('failure', '');
    showAnswers(outcomes);
  } catch (error) {
    // Facts that are none: what is shown stays until they are mended.
    if (turn === asking) tell('failure', (error as Error).message);
  }
}

async function answerCases(): Promise<void> {
  const { a, b } = policies;
  if (cases.length === 0 || !a || !b) return;
  byId('cases-summary', HTMLElement).textContent = `Asking about ${cases.length} cases …`;
  const turn = ++askingCases;
  const answered = await table.ask(cases, { a, b });
  if (turn !== askingCases) return;
  rows = answered;
  table.showScores(rows, { a: `A: ${a.identity.name}`, b: `B: ${b.identity.name}` });
  byId('results', HTMLElement).hidden = false;
  showRows();
}

function showRows(): void {
  const chosen = document.querySelector<HTMLInputElement>('input[name="filter"]:checked')?.value;
  table.show(table.filtered(rows, (chosen ?? 'all') as table.Filter), (recorded) => {
    form.write(recorded.failure);
    void answer();
    form.field('text').focus();
  });
}

async function put(place: Place, loading: Promise<Loaded>): Promise<void> {
  try {
    const loaded = await loading;
    policies[place]?.close();
    policies[place] = loaded;
    const { name, version, digest } = loaded.identity;
    byId(`identity-${place}`, HTMLElement).textContent = `${name} ${version} · ${digest.slice(0, 12)}`;
    tell('policies', '');
    await answer();
    await answerCases();
  } catch (error) {
    tell('policies', (error as Error).message);
  }
}

async function loadCases(content: string, name: string): Promise<void> {
  try {
    cases = parseCases(content);
    tell('cases', '');
    await answerCases();
  } catch (error) {
    tell('cases', `${name}, ${(error as Error).message}`);
  }
}

async function loadCasesFile(file: File): Promise<void> {
  await loadCases(await file.text(), file.name);
}

/** Says what is wrong, where it is. */
function tell(where: 'failure' | 'policies' | 'cases', what: string): void {
  const problem = byId(`problem-${where}`, HTMLElement);
  problem.textContent = what;
  problem.hidden = what === '';
}

/** A button that opens a file, since those of browsers cannot be styled. */
function opens(button: string, input: string, take: (file: File) => void): void {
  const chooser = byId(input, HTMLInputElement);
  byId(button, HTMLButtonElement).addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    const [file] = chooser.files ?? [];
    // The same file again is a change too, after it was edited.
    chooser.value = '';
    if (file) take(file);
  });
}

function takeDropped(file: File): void {
  if (/\.jsonl?$/.test(file.name)) void loadCasesFile(file);
  else void put('b', loadFile(file));
}

for (const place of places) {
  const choice = byId(`choice-${place}`, HTMLSelectElement);
  choice.addEventListener('change', () => {
    const found = carried.find((id) => id === choice.value);
    if (found) void put(place, loadCarried(found));
  });
  opens(`open-${place}`, `file-${place}`, (file) => {
    void put(
      place,
      loadFile(file).then((loaded) => {
        choice.querySelector('option[data-file]')?.remove();
        choice.append(make('option', { value: 'file', 'data-file': '', selected: '' }, file.name));
        choice.value = 'file';
        return loaded;
      }),
    );
  });
}
for (const { name, failure } of examples) {
  const button = make('button', { type: 'button' }, name);
  button.addEventListener('click', () => {
    form.write(failure);
    void answer();
  });
  byId('examples', HTMLElement).append(make('li', {}, button));
}
opens('open-cases', 'file-cases', (file) => void loadCasesFile(file));
byId('made-up', HTMLButtonElement).addEventListener('click', () => {
  void loadCases(textOf('made-up-cases'), 'these');
});
form.onChange(() => void answer());
for (const filter of document.querySelectorAll('input[name="filter"]')) {
  filter.addEventListener('change', showRows);
}
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer?.files ?? []) takeDropped(file);
});

const [first] = examples;
if (first) form.write(first.failure);
await Promise.all([put('a', loadCarried('policy-default')), put('b', loadCarried('policy-four-phrases'))]);
document.documentElement.dataset.ready = '';
