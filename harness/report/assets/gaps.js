/* What did not end well and what is not there, and what the paper published. */

function drawGaps() {
  const groups = new Map();
  for (const row of rowsOf[state.experiment]) {
    const status = value('status', row);
    if (status === 'ok' || status === 'older') continue;
    const key = [status, value('model', row), value('reason', row) ?? ''];
    if (!groups.has(String(key))) groups.set(String(key), { key, rows: [] });
    groups.get(String(key)).rows.push(row);
  }
  const lines = [...groups.values()].sort((a, b) => byModel(a.key[1], b.key[1]));
  if (!lines.length)
    return byId('gaps-table').replaceChildren(
      el('p', { class: 'empty' }, 'Nothing: every trial of this experiment ended well.'),
    );
  const list = (rows, name, text, order) => {
    const all = distinct(rows.map((row) => value(name, row)));
    return all.sort(order).map(text).join(' ');
  };
  const body = lines.map(({ key: [status, model, reason], rows }) =>
    modelRow(model, [
      el('td', {}, el('span', { class: `mark ${statusKind(rows[0])}` }, statusText(status))),
      el(
        'td',
        { class: 'number' },
        status === 'missing'
          ? String(rows.length)
          : linkButton('see these trials', () => openTrials(rows), String(rows.length)),
      ),
      el('td', {}, list(rows, 'size', budgetText, byNumber)),
      el(
        'td',
        {},
        list(rows, 'bandlimit', (band) => (band === null ? '' : String(band)), byNumber),
      ),
      el(
        'td',
        {},
        list(rows, 'item', (item) => (item === null ? '' : itemText(EXPERIMENTS[state.experiment], item))),
      ),
      el('td', {}, reason),
    ]),
  );
  const heads = ['Model', 'What', 'Trials', 'Budgets', 'Bands', 'Items', 'Why'].map((text) =>
    el('th', { scope: 'col' }, text),
  );
  return byId('gaps-table').replaceChildren(tableOf({}, hiddenCaption('Trials without a score'), heads, body));
}

function drawPublished() {
  const cells = EXPERIMENTS[state.experiment].published;
  byId('published').hidden = !cells.length;
  const tables = distinct(cells.map((cell) => cell.table));
  byId('published-table').replaceChildren(
    ...tables.map((name) =>
      publishedTable(
        name,
        cells.filter((cell) => cell.table === name),
      ),
    ),
  );
}

function publishedTable(name, cells) {
  const { name: metric, unit } = metricInfo(cells[0].metric);
  const digits = cells[0].metric === 'psnr' ? 2 : 3;
  const sizes = distinct(cells.map((cell) => cell.size)).sort(byNumber);
  const models = distinct(cells.map((cell) => cell.model)).sort(byModel);
  const body = models.map((model) => {
    const scores = sizes.map((size) => {
      const cell = cells.find((one) => one.model === model && one.size === size);
      if (!cell) return el('td', { class: 'faint number' }, '–');
      return el(
        'td',
        { class: 'number', title: `${plural(cell.runs, 'run')} of ours` },
        `${fixed(cell.published, digits)} → ${fixed(cell.ours, digits)}`,
        known(cell.difference)
          ? el(
              'small',
              { class: Math.abs(cell.difference) < (digits === 2 ? 1 : 0.02) ? 'faint' : 'unsure' },
              ` ${signed(cell.difference, digits)}`,
            )
          : el('small', { class: 'faint' }, ` ${cell.items} of the ${cell.of} items`),
      );
    });
    return modelRow(model, scores);
  });
  const what = `${metric}${unit ? ` (${unit})` : ''}, published → ours`;
  const caption = el('caption', {}, `Table ${name}${cells[0].item ? `, ${cells[0].item}` : ''}: ${what}`);
  return tableOf({}, caption, [el('th'), budgetHeads(sizes)], body);
}
