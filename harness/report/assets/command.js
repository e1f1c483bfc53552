/* The command that repeats a trial. */

/* For a shell: everything but plain words in single quotes, since a row may come from anybody. */
const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", `'"'"'`)}'`);

function commandOf(row) {
  const e = EXPERIMENTS[value('experiment', row)];
  const words = ['python', 'run.py'];
  const add = (option, x) => {
    if (x === null || x === undefined) return;
    if (String(x).startsWith('-'))
      words.push(`${option}=${x}`); // or it would pass for an option
    else words.push(option, x);
  };
  const file = e.signal === 'UserFile'; // rows know the name of somebody's own file, not its place
  add('--signal', file ? `path/to/${fileName(value('item', row) ?? 'file')}` : e.signal);
  add('--dim', e.dim);
  add('--task', e.task);
  if (!file) add('--items', value('item', row));
  if (e.preset !== 'no preset') add('--preset', e.preset);
  add('--models', value('model', row));
  add('--sizes', value('size', row));
  add('--bandlimits', value('bandlimit', row));
  add('--seeds', value('seed', row));
  add('--signal-seeds', value('signal_seed', row));
  add('--steps', e.steps);
  add('--length', e.length);
  add('--device', (value('device', row) ?? '').startsWith('cuda') ? 'cuda' : 'cpu');
  add('--precision', value('precision', row));
  add('--out', 'repeated');
  const overrides = value('overrides', row);
  return [...words.map((word) => quote(String(word))), ...(overrides ? [overrides] : [])].join(' ');
}

function commandBox(command) {
  const copy = async (event) => {
    await navigator.clipboard.writeText(command).then(
      () => {
        event.target.textContent = 'copied';
      },
      () => {
        getSelection().selectAllChildren(byId('command'));
      },
    );
  };
  return el(
    'div',
    { class: 'command' },
    el('pre', { id: 'command', tabindex: '0' }, command),
    el('button', { type: 'button', onclick: copy }, 'copy'),
  );
}
