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

function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = el('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function drawDownloads() {
  const every = () => [...Array(DATA.rows).keys()];
  const parquet = byId('parquet').textContent.trim();
  const bytes = () => Uint8Array.from(atob(parquet), (one) => one.charCodeAt(0));
  byId('download-buttons').replaceChildren(
    el(
      'button',
      { type: 'button', id: 'csv-chosen', onclick: () => save('trials_chosen.csv', 'text/csv', toCsv(listedRows())) },
      'CSV of the trials chosen',
    ),
    el(
      'button',
      { type: 'button', id: 'csv-all', onclick: () => save('trials.csv', 'text/csv', toCsv(every())) },
      'CSV of all trials',
    ),
    parquet
      ? el(
          'button',
          {
            type: 'button',
            id: 'parquet-all',
            onclick: () => save('trials.parquet', 'application/vnd.apache.parquet', bytes()),
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
