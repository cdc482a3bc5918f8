/** A line of a panel. */
export interface Series {
  readonly name: string;
  /** Both above 0; by ascending x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** One coordinate system, logarithmic both ways: x by doublings, y by tens. */
export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const PANEL = { width: 470, height: 340, left: 64, right: 28, top: 40, bottom: 56 };
const LEGEND_HEIGHT = 64;
const COLOURS = ['#d1242f', '#0969da', '#57606a', '#8250df', '#1a7f37', '#bc4c00', '#0a3069', '#9a6700'];
/** Lines that lie on one another are told apart by their strokes. */
const DASHES = ['none', '6 3', '2 3'];

/** An SVG picture of the panels side by side under one legend. The same values give the same text. */
export function svgOf(title: string, panels: readonly Panel[]): string {
  const width = panels.length * PANEL.width;
  const height = PANEL.height + LEGEND_HEIGHT + 30;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#1f2328">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(width / 2, 22, title, 'text-anchor="middle" font-size="15"'),
    ...panels.map((panel, index) => `<g transform="translate(${index * PANEL.width} 30)">${panelOf(panel)}</g>`),
    `<g transform="translate(0 ${PANEL.height + 30})">${legendOf(panels[0]?.series ?? [], width)}</g>`,
    '</svg>',
    '',
  ].join('\n');
}

function panelOf({ title, xLabel, yLabel, series }: Panel): string {
  const points = series.flatMap((one) => one.points);
  const [x, y] = [
    axis(
      points.map((point) => point.x),
      2,
      PANEL.left,
      PANEL.width - PANEL.right,
    ),
    axis(
      points.map((point) => point.y),
      10,
      PANEL.height - PANEL.bottom,
      PANEL.top,
    ),
  ];
  const [bottom, middle] = [PANEL.height - PANEL.bottom, (PANEL.left + PANEL.width - PANEL.right) / 2];
  return [
    text(middle, PANEL.top - 12, title, 'text-anchor="middle" font-weight="bold"'),
    ...x.ticks.map((tick, index) =>
      [
        line(x.place(tick), PANEL.top, x.place(tick), bottom, '#eaeef2'),
        index % 4 === 0 ? text(x.place(tick), bottom + 18, sizeText(tick), 'text-anchor="middle"') : '',
      ].join(''),
    ),
    ...y.ticks.map((tick) =>
      [
        line(PANEL.left, y.place(tick), PANEL.width - PANEL.right, y.place(tick), '#d0d7de'),
        text(PANEL.left - 8, y.place(tick) + 4, `${tick}`, 'text-anchor="end"'),
      ].join(''),
    ),
    text(middle, bottom + 40, xLabel, 'text-anchor="middle"'),
    `<text transform="translate(16 ${(PANEL.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...series.map((one, index) => {
      const path = one.points.map((point) => `${rounded(x.place(point.x))},${rounded(y.place(point.y))}`).join(' ');
      return `<polyline fill="none" ${strokeOf(index)} points="${path}"/>`;
    }),
  ].join('\n');
}

/** Where values lie between two pixels, and the powers of `base` that hold them all. */
function axis(values: readonly number[], base: number, from: number, to: number) {
  const exponents = values.map((value) => Math.log(value) / Math.log(base));
  const [low, high] = [Math.floor(Math.min(...exponents) + 1e-9), Math.ceil(Math.max(...exponents) - 1e-9)];
  const span = Math.max(high - low, 1);
  return {
    place: (value: number): number => from + ((Math.log(value) / Math.log(base) - low) / span) * (to - from),
    ticks: Array.from({ length: span + 1 }, (_, index) => Number((base ** (low + index)).toPrecision(12))),
  };
}

function legendOf(series: readonly Series[], width: number): string {
  const columns = 3;
  return series
    .map(({ name }, index) => {
      const [x, y] = [40 + (index % columns) * ((width - 60) / columns), 16 + Math.floor(index / columns) * 20];
      return `<line x1="${rounded(x)}" y1="${y}" x2="${rounded(x + 34)}" y2="${y}" ${strokeOf(index)}/>${text(x + 42, y + 4, name, '')}`;
    })
    .join('\n');
}

const strokeOf = (index: number): string =>
  `stroke="${COLOURS[index % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[index % DASHES.length]}"`;
const line = (x1: number, y1: number, x2: number, y2: number, colour: string): string =>
  `<line x1="${rounded(x1)}" y1="${rounded(y1)}" x2="${rounded(x2)}" y2="${rounded(y2)}" stroke="${colour}"/>`;
const text = (x: number, y: number, words: string, attributes: string): string =>
  `<text x="${rounded(x)}" y="${rounded(y)}" ${attributes}>${escaped(words)}</text>`;
const rounded = (value: number): number => Math.round(value * 10) / 10;
const sizeText = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`);
const escaped = (words: string): string => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
