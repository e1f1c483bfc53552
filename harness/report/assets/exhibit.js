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
  const heads = names.map((one) => {
    const { name, meaning } = DATA.metrics[one];
    return el('th', { scope: 'col', class: 'number' }, name, info(meaning, name));
  });
  return el(
    'div',
    { class: 'scroll' },
    tableOf({}, hiddenCaption('Scores'), [el('th'), heads], lines),
    rings
      ? el(
          'p',
          { class: 'hint' },
          `PSNR by ring, 0.1 (outermost) to 0.9: ${rings.map((x) => (x === null ? '–' : fixed(x, 1))).join(', ')}`,
        )
      : null,
  );
}

const IMAGES = { target: 'Target', answer: 'Reconstruction', error: 'Absolute error' };

/* Pictures of a trial, by what they show; of a person's own image with a detail below each. */
function imagesOf(row, names) {
  const picture = pictureOf(row);
  if (picture?.flaw) return el('p', { class: 'reason' }, `No picture: its array cannot be shown: ${picture.flaw}`);
  if (!picture)
    return el(
      'p',
      { class: 'hint' },
      value('status', row) === 'ok'
        ? 'No picture of this trial is in the page; where its array was kept, the figures show it.'
        : 'It left no picture.',
    );
  const there = names.filter((name) => picture[name] !== undefined);
  return el(
    'div',
    { class: picture.slices > 1 ? 'picture volume' : 'picture', style: `--panels:${there.length}` },
    there.map((name) =>
      el(
        'figure',
        {},
        el('figcaption', {}, IMAGES[name]),
        imageOf(picture, name, `${IMAGES[name]} of ${value('model', row)}`),
        picture.detail ? imageOf(picture.detail, name, `A detail of the ${IMAGES[name].toLowerCase()}`) : '',
      ),
    ),
  );
}

/* An image; a click shows it larger, and another one as it was. */
function imageOf(part, name, alt) {
  const data = name === 'target' ? pictures.targets[part.target] : part[name];
  const image = el('img', { src: `data:image/webp;base64,${data}`, alt, width: part.size[0], height: part.size[1] });
  const enlarge = (event) => event.currentTarget.classList.toggle('large');
  return el('button', { type: 'button', class: 'image', title: 'larger or smaller', onclick: enlarge }, image);
}

/* What the colours of errors mean, and what of a volume is shown. */
function errorNote(rows) {
  const shown = rows.map(pictureOf).filter((picture) => picture?.error);
  if (!shown.length) return null;
  const scales = distinct(shown.map((picture) => picture.scale));
  const scale = scales.length === 1 ? ` (${scales[0].toPrecision(3)})` : '';
  const slices = shown[0].slices > 1 ? ' Middle slices across the first, second and third axis.' : '';
  const detail = shown[0].detail ? ' Below, the part that varies most, sample by sample.' : '';
  return el(
    'p',
    { class: 'hint' },
    `Errors on one logarithmic scale: the palest stands for the signal’s standard deviation${scale}, black for a thousandth of it.${slices}${detail} A click enlarges a picture.`,
  );
}
