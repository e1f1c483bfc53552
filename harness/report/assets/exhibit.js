/* What one trial came to: its scores and its picture. */

function trialScores(row) {
  const names = Object.keys(DATA.metrics).filter((name) => known(value(name, row)));
  if (!names.length) return null;
  const kinds = [
    ['', 'after the last update'],
    ['_best', `best evaluation${known(value('best_step', row)) ? ` (pass ${value('best_step', row)})` : ''}`],
    ['_paper', 'at the paper’s sample positions'],
  ].filter(([kind]) => names.some((name) => known(value(name + kind, row))));
  const lines = kinds.map(([kind, text]) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, text),
      names.map((name) =>
        el(
          'td',
          { class: 'number' },
          known(value(name + kind, row)) ? fixed(value(name + kind, row), DATA.metrics[name].digits + 2) : '',
        ),
      ),
    ),
  );
  if (known(value('psnr_constant', row)))
    lines.push(
      el(
        'tr',
        {},
        el('th', { scope: 'row' }, 'constant mean'),
        names.map((name) =>
          el('td', { class: 'number' }, name === 'psnr' ? fixed(value('psnr_constant', row), 3) : ''),
        ),
      ),
    );
  const rings = value('rings', row);
  return el(
    'div',
    { class: 'scroll' },
    el(
      'table',
      {},
      el('caption', { class: 'hidden' }, 'Scores'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th'),
          names.map((name) => el('th', { scope: 'col', class: 'number' }, DATA.metrics[name].name)),
        ),
      ),
      el('tbody', {}, lines),
    ),
    rings
      ? el(
          'p',
          { class: 'hint' },
          `PSNR by ring, 0.1 (outermost) to 0.9: ${rings.map((x) => (x === null ? '–' : fixed(x, 1))).join(', ')}`,
        )
      : null,
  );
}

function trialPicture(row) {
  const picture = pictureOf(row);
  if (picture?.flaw) return el('p', { class: 'reason' }, `No picture: its array cannot be shown: ${picture.flaw}`);
  if (!picture)
    return el(
      'p',
      { class: 'hint' },
      value('status', row) === 'ok'
        ? 'No picture of this trial is in the page; the suite’s figures draw from its array.'
        : 'It left no picture.',
    );
  const names = picture.panels === 3 ? ['Truth', 'Reconstruction', 'Absolute error'] : ['Absolute error'];
  const slices = picture.slices > 1 ? ' Middle slices across the first, second and third axis.' : '';
  return el(
    'figure',
    { class: picture.slices > 1 ? 'picture volume' : 'picture' },
    el(
      'div',
      { class: 'captions', style: `grid-template-columns:repeat(${names.length},1fr)` },
      names.map((name) => el('span', {}, name)),
    ),
    el('img', {
      src: `data:image/webp;base64,${picture.webp}`,
      alt: `${names.join(', ')} of ${value('model', row)}`,
      width: picture.size[0],
      height: picture.size[1],
    }),
    el(
      'figcaption',
      {},
      `The brightest of the error stands for ${picture.scale.toPrecision(3)}.${slices} At most ${picture.slices > 1 ? 72 : 128} samples a side are shown.`,
    ),
  );
}
