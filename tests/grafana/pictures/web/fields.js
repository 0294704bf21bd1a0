// What Grafana's core does between a data source's answer and a panel: transformations, then the
// field options of the panel with its overrides, units, mappings, colours and links.
import {
  applyFieldOverrides,
  createTheme,
  FieldConfigOptionsRegistry,
  setTimeZoneResolver,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from "@grafana/data";
import { lastValueFrom } from "rxjs";

export const theme = createTheme({ colors: { mode: "dark" } });

setTimeZoneResolver(() => "utc");

// The part of Grafana that is not published registers these under the same names.
const STANDARD = [
  "unit", "min", "max", "decimals", "displayName", "noValue", "color", "thresholds", "mappings",
  "links",
];

const option = (id, path, isCustom) => ({
  id: isCustom ? `custom.${id}` : id,
  path,
  name: id,
  isCustom,
  process: (value) => value,
  // The default of an axis is none of the time's.
  shouldApply: (field) => !(id.startsWith("axis") && field.type === "time"),
  override: () => null,
  editor: () => null,
});

/** What a kind of panel registers beside them is taken from what the panel sets. */
function registry({ defaults, overrides }) {
  const ids = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const custom = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...ids.filter((id) => id.startsWith("custom.")).map((id) => id.slice("custom.".length)),
  ]);
  return new FieldConfigOptionsRegistry(() => [
    ...STANDARD.map((id) => option(id, id, false)),
    ...[...custom].map((id) => option(id, id, true)),
  ]);
}

const WANTED = ["joinByField", "filterFieldsByName", "organize"];
standardTransformersRegistry.setInit(() =>
  WANTED.map((id) => Object.values(standardTransformers).find((one) => one.id === id)).map(
    (one) => ({ id: one.id, name: one.id, transformation: one }),
  ),
);

/** The frames of a panel as it gets them. */
export async function prepared(panel, answers, replace) {
  const raw = answers.map((answer) => toDataFrame(answer));
  const context = { interpolate: replace };
  const frames = await lastValueFrom(
    transformDataFrame(panel.transformations ?? [], raw, context),
  );
  return applyFieldOverrides({
    data: frames,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry(panel.fieldConfig),
    replaceVariables: replace,
    theme,
    timeZone: "utc",
  });
}
