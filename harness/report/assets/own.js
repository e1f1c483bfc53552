/* A person's own files: the verdict of a run, and its pictures side by side, without a click. */

/* At the largest budget of an experiment at which somebody is the best; nothing where nobody is. */
function ownAnswer(experiment) {
  const e = EXPERIMENTS[experiment];
  const places = e.best.psnr?.[WHOLE] ?? {};
  const size = Math.max(...Object.keys(places).filter((one) => places[one].model !== null).map(Number));
  if (!e.own || !places[size]) return '';
  const entries = placeEntries(experiment, WHOLE, size, places[size]);
  const [heading, ...lines] = e.verdict;
  return el(
    'article',
    { class: 'card own-answer' },
    el('h3', {}, `${signalText(e)}, ${taskText(e.task)}`),
    el('p', { class: 'hint' }, heading),
    listOf(lines),
    entries.length ? el('p', { class: 'hint' }, shownText(entries)) : '',
    besideView(entries),
    errorNote(entries.map(({ row }) => row)),
  );
}
