// One function for each kind of panel. All but the timeline are Grafana's own components.
import { dateTime, getFieldDisplayName, getFieldDisplayValues } from "@grafana/data";
import { BigValue, Table, TimeSeries, VizRepeater } from "@grafana/ui";

import { theme } from "./fields";

const nothing = (panel) => (
  <div className="nothing">{panel.fieldConfig.defaults.noValue ?? "No data"}</div>
);

const empty = (frames) => frames.every((frame) => frame.length === 0);

export function Stat({ panel, frames, size, replace }) {
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: replace,
    theme,
    data: frames,
    timeZone: "utc",
  });
  return (
    <VizRepeater
      {...size}
      source={values}
      getValues={() => values}
      autoGrid={true}
      orientation="auto"
      renderValue={({ value, width, height, count }) => (
        <BigValue
          value={value.display}
          width={width}
          height={height}
          count={count}
          colorMode={panel.options.colorMode}
          graphMode={panel.options.graphMode}
          textMode={panel.options.textMode}
          justifyMode="auto"
          theme={theme}
        />
      )}
    />
  );
}

export function Graph({ panel, frames, size, range, marks }) {
  if (empty(frames)) {
    return nothing(panel);
  }
  const draw = (config) => {
    config.addHook("draw", (plot) => marks.forEach((mark) => drawn(plot, mark)));
    return null;
  };
  return (
    <TimeSeries
      {...size}
      frames={frames}
      timeRange={range}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
    >
      {draw}
    </TimeSeries>
  );
}

/** An annotation as Grafana draws it: a dashed line, or a shade with two of them. */
function drawn(plot, { colour, from, to }) {
  const { ctx, bbox } = plot;
  const left = plot.valToPos(from, "x", true);
  const right = plot.valToPos(to, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const shade = theme.visualization.getColorByName(colour);
  ctx.strokeStyle = shade;
  ctx.fillStyle = `${shade}22`;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.setLineDash([5, 5]);
  for (const x of from === to ? [left] : [left, right]) {
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

export function Listing({ panel, frames, size }) {
  const [frame] = frames;
  if (!frame || frame.length === 0) {
    return nothing(panel);
  }
  return (
    <Table
      {...size}
      data={frame}
      timeRange={undefined}
      initialSortBy={panel.options.sortBy}
      cellHeight="sm"
      noHeader={false}
      showTypeIcons={false}
      enablePagination={false}
    />
  );
}

/** Grafana publishes no component for this one: drawn here, by its display processors. */
export function Timeline({ panel, frames, size, range }) {
  if (empty(frames)) {
    return nothing(panel);
  }
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const place = (at) => `${((at - from) / (to - from)) * 100}%`;
  const apart = [10, 30, 60, 120].map((n) => n * 60_000).find((n) => (to - from) / n < 7);
  const first = Math.ceil(from / apart) * apart;
  const ticks = Array.from({ length: 8 }, (_, n) => first + n * apart).filter((at) => at < to);
  const seen = new Map();
  const lines = frames.map((frame) => {
    const [time, state] = frame.fields;
    const runs = [];
    state.values.forEach((value, at) => {
      const shown = state.display(value);
      seen.set(shown.text, shown.color);
      const last = runs[runs.length - 1];
      if (last && last.text === shown.text) {
        last.end = time.values[at];
      } else {
        runs.push({ ...shown, start: time.values[at], end: time.values[at] });
      }
    });
    runs.forEach((run, at) => (run.end = runs[at + 1]?.start ?? run.end));
    return { name: getFieldDisplayName(state, frame, frames), runs };
  });
  return (
    <div className="timeline" style={size}>
      <div className="lines">
        {lines.map(({ name, runs }) => (
          <div className="line" key={name}>
            <span>{name}</span>
            <div>
              {runs.map((run) => (
                <i
                  key={run.start}
                  style={{
                    left: place(run.start),
                    right: `calc(100% - ${place(run.end)})`,
                    background: run.color,
                  }}
                />
              ))}
            </div>
          </div>
        ))}
        <div className="line axis">
          <span />
          <div>
            {ticks.map((at) => (
              <b key={at} style={{ left: place(at) }}>
                {dateTime(at).utc().format("HH:mm")}
              </b>
            ))}
          </div>
        </div>
      </div>
      <ul>
        {[...seen].map(([text, color]) => (
          <li key={text}>
            <i style={{ background: color }} />
            {text}
          </li>
        ))}
      </ul>
    </div>
  );
}

export const KINDS = { stat: Stat, timeseries: Graph, table: Listing, "state-timeline": Timeline };
