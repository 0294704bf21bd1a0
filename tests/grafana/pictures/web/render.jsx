// Draws one dashboard from its committed JSON and from what Prometheus answered: window.input has
// `dashboard`, `answers` (data frames by the id of the panel), `marks`, `values` of the variables,
// `from` and `to` (milliseconds). Sets window.done, or window.problem.
import { dateTime } from "@grafana/data";
import { GlobalStyles, PanelChrome, ThemeContext } from "@grafana/ui";
import "@fontsource/inter/400.css";
import "@fontsource/inter/500.css";
import { createRoot } from "react-dom/client";

import { prepared, theme } from "./fields";
import { KINDS } from "./panels";
import "./shrink";

const WIDTH = 1440;
const GAP = 8;
const CELL = 30;
const COLUMN = (WIDTH - 2 * GAP) / 24;

const { dashboard, answers, marks, values, from, to } = window.input;
const range = { from: dateTime(from), to: dateTime(to), raw: { from: "now-6h", to: "now" } };

/** Variables of the dashboard, and of the row that a link stands in. */
function replace(text, scoped) {
  const context = scoped?.__dataContext?.value;
  return text
    .replace(/\$\{__data\.fields\.(\w+)\}/g, (whole, name) => {
      const field = context?.frame.fields.find((one) => one.name === name);
      return field?.values[context.rowIndex] ?? whole;
    })
    .replace(/\$\{?(\w+)(?::\w+)?\}?/g, (whole, name) => values[name] ?? whole);
}

function place({ x, y, w, h }) {
  return {
    position: "absolute",
    left: GAP + x * COLUMN,
    top: y * (CELL + GAP),
    width: w * COLUMN - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

function Box({ panel, frames }) {
  const where = place(panel.gridPos);
  if (panel.type === "row") {
    return (
      <h2 style={where}>{panel.title}</h2>
    );
  }
  const Kind = KINDS[panel.type];
  return (
    <div style={where}>
      <PanelChrome
        title={panel.title}
        width={where.width}
        height={where.height}
        padding={["stat", "table"].includes(panel.type) ? "none" : "md"}
      >
        {(width, height) => (
          <Kind
            panel={panel}
            frames={frames}
            size={{ width, height }}
            range={range}
            marks={marks}
            replace={replace}
          />
        )}
      </PanelChrome>
    </div>
  );
}

async function main() {
  const boxes = [];
  for (const panel of dashboard.panels) {
    const frames = panel.type === "row" ? [] : await prepared(panel, answers[panel.id], replace);
    boxes.push(<Box key={panel.id} panel={panel} frames={frames} />);
  }
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  const root = document.getElementById("root");
  root.style.height = `${bottom * (CELL + GAP) + 40}px`;
  createRoot(root).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <header>
        <strong>{dashboard.title}</strong>
        {Object.entries(window.input.shown).map(([name, text]) => (
          <span key={name}>
            {name} <em>{text}</em>
          </span>
        ))}
      </header>
      <section>{boxes}</section>
    </ThemeContext.Provider>,
  );
  await document.fonts.ready;
  setTimeout(() => {
    const broken = [...document.querySelectorAll("a[href]")]
      .map((link) => decodeURI(link.getAttribute("href")))
      .filter((href) => href.includes("${__data"));
    window.problem = broken.length ? `links that lead nowhere: ${broken}` : undefined;
    window.done = true;
  }, 1500);
}

main().catch((error) => (window.problem = String(error.stack ?? error)));
