/* The table as files: CSV made here from the page's columns, Parquet as it was put in. */

/* A spreadsheet takes a text that starts like a formula for one; rows may come from anybody. */
function csvCell(x) {
  if (x === null || x === undefined) return '';
  if (typeof x === 'number') return String(x);
  const text = Array.isArray(x) ? JSON.stringify(x) : String(x);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function toCsv(rows) {
  const kinds = ['signal', 'dim', 'task', 'preset', 'length'];
  const names = Object.keys(DATA.columns).filter((name) => name !== 'experiment');
  const lines = rows.map((row) =>
    [...kinds.map((name) => EXPERIMENTS[value('experiment', row)][name]), ...names.map((name) => value(name, row))]
      .map(csvCell)
      .join(','),
  );
  return `${[...kinds, ...names].join(',')}\r\n${lines.join('\r\n')}\r\n`;
}

/* A table as it is shown: a number is a number again, and heads are without their info boxes. */
function tableCsv(table) {
  const plain = (cell) => (cell.querySelector('[data-sort]') ?? cell).textContent.trim();
  const numeric = (text) => {
    const plainer = text.replaceAll('\u202f', '').replace('−', '-');
    return plainer !== '' && Number.isFinite(Number(plainer)) ? Number(plainer) : text;
  };
  const lines = [...table.rows].map((line) => [...line.cells].map((cell) => csvCell(numeric(plain(cell)))).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

/* Links to the figures of the experiment that is chosen: they lie beside this page. */
function drawFigureFiles() {
  const files = DATA.figures?.[state.experiment];
  const place = byId('figure-files');
  if (!files?.png.length && !files?.pdf.length) return place.replaceChildren();
  const link = (name, end) =>
    files[end].includes(name)
      ? el('a', { href: encodeURI(`${files.folder}/${name}.${end}`) }, end.toUpperCase())
      : '';
  return place.replaceChildren(
    el(
      'details',
      { class: 'card', open: place.firstElementChild?.open },
      el('summary', {}, `Figures of ${signalText(EXPERIMENTS[state.experiment])}`),
      el(
        'ul',
        { class: 'files' },
        distinct([...files.png, ...files.pdf]).map((name) =>
          el('li', {}, `${name.replaceAll('_', ' ')} `, link(name, 'png'), ' ', link(name, 'pdf')),
        ),
      ),
    ),
  );
}

function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = el('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/* text: gives the file's content. */
const csvButton = (label, file, text, id = null) =>
  el('button', { type: 'button', id, onclick: () => save(file, 'text/csv', text()) }, label);

function drawDownloads() {
  const every = () => [...Array(DATA.rows).keys()];
  const parquet = byId('parquet').textContent.trim();
  const shown = () => byId('leaderboard').querySelector('table');
  byId('download-buttons').replaceChildren(
    el(
      'button',
      {
        type: 'button',
        id: 'csv-table',
        onclick: () => shown() && save('leaderboard.csv', 'text/csv', tableCsv(shown())),
      },
      'CSV of the leaderboard as shown',
    ),
    csvButton('CSV of the trials chosen', 'trials_chosen.csv', () => toCsv(listedRows()), 'csv-chosen'),
    csvButton('CSV of all trials', 'trials.csv', () => toCsv(every()), 'csv-all'),
    parquet
      ? el(
          'button',
          {
            type: 'button',
            id: 'parquet-all',
            onclick: () => save('trials.parquet', 'application/vnd.apache.parquet', bytesOf('parquet')),
          },
          `Parquet of all trials (${sizeText(parquet.length * 0.75)})`,
        )
      : el(
          'span',
          { class: 'faint' },
          "No Parquet: this page was written without pyarrow (pip install pyarrow).",
        ),
  );
}
