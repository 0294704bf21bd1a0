// Reads an emulated account with the vendor's own client and prints what it saw as one JSON object.
//
//   node read.mjs BASE_URL CLIENT_ID SECRET
//
// The client parses leniently, so every raw answer is parsed a second time with its own schemas
// made strict: a wrong type, a missing field, an unknown topic or an undeclared key is an error.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { FlatfileClient } = require("@flatfile/api/Client.js");
const { fetcher } = require("@flatfile/api/core");
const schemas = require("@flatfile/api/serialization");

const STRICT = {
  unrecognizedObjectKeys: "fail",
  allowUnrecognizedUnionMembers: false,
  allowUnrecognizedEnumValues: false,
  skipValidation: false,
  breadcrumbsPrefix: ["response"],
};
const PAGE = 100;

const [baseUrl, clientId, secret] = process.argv.slice(2);
let raw;
const mistakes = [];
const parsed = {};

async function listen(args) {
  // Node's own fetch refuses the Keep-Alive header that release 1.23.1 sets on every request.
  const headers = Object.fromEntries(
    Object.entries(args.headers).filter(([name]) => name.toLowerCase() !== "keep-alive"),
  );
  const answer = await fetcher({ ...args, headers, maxRetries: 0 });
  raw = answer.ok ? answer.body : undefined;
  return answer;
}

function clientWith(token) {
  return new FlatfileClient({ environment: baseUrl, token, fetcher: listen });
}

// One call: what the client made of it, after the strict schema has had its say.
async function ask(schema, call) {
  const answer = await call;
  try {
    schemas[schema].parseOrThrow(raw, STRICT);
    parsed[schema] = (parsed[schema] ?? 0) + 1;
  } catch (error) {
    mistakes.push(`${schema}: ${String(error.message).slice(0, 2000)}`);
  }
  return answer;
}

async function pages(schema, list) {
  const all = [];
  for (let pageNumber = 1; ; pageNumber += 1) {
    const { data, pagination } = await ask(schema, list({ pageSize: PAGE, pageNumber }));
    all.push(...(data ?? []));
    const last = pagination ? pageNumber >= pagination.pageCount : data.length === 0;
    if (last) {
      return all;
    }
  }
}

const ids = (things) => things.map((thing) => thing.id);

const minted = await ask(
  "AccessToken",
  clientWith("none").auth.createAccessToken({ type: "apiCredentials", clientId, secret }),
);
const client = clientWith(minted.accessToken);
const seen = { account: (await ask("AccountResponse", client.accounts.getCurrent())).data.id };

const environments = await pages("ListEnvironmentsResponse", (page) =>
  client.environments.list(page),
);
seen.environments = {};
for (const { id } of environments) {
  const only = { environmentId: id };
  const spaces = await pages("ListSpacesResponse", (page) =>
    client.spaces.list({ ...only, archived: true, ...page }),
  );
  const agents = await pages("ListAgentsResponse", (page) => client.agents.list({ ...only, ...page }));
  const executions = await ask(
    "GetExecutionsResponse",
    client.agents.getEnvironmentAgentExecutions({ ...only, pageSize: PAGE }),
  );
  await ask(
    "GetDetailedAgentLogsResponse",
    client.agents.getEnvironmentAgentLogs({ ...only, pageSize: PAGE }),
  );
  const guests = new Set();
  for (const space of spaces) {
    const { data } = await ask("ListGuestsResponse", client.guests.list({ spaceId: space.id }));
    data.forEach((guest) => guests.add(guest.id));
  }
  await ask("EnvironmentResponse", client.environments.get(id));
  seen.environments[id] = {
    spaces: ids(spaces),
    archived: ids(spaces.filter((space) => space.archivedAt)),
    agents: ids(agents.filter((agent) => !agent.isSystem)),
    systemAgents: ids(agents.filter((agent) => agent.isSystem)),
    executions: executions.pagination.totalCount,
    guests: [...guests],
  };
  await ask("SpaceResponse", client.spaces.get(spaces[0].id));
  if (agents.length > 0) {
    await ask("AgentResponse", client.agents.get(agents[0].id));
  }
}
const users = await pages("ListUsersResponse", (page) => client.users.list(page));
await ask("UserResponse", client.users.get(users[0].id));
seen.users = ids(users);
const events = await pages("ListAllEventsResponse", (page) =>
  client.events.list({ includeAcknowledged: true, since: new Date(0), ...page }),
);
await ask("EventResponse", client.events.get(events[0].id));
seen.events = ids(events);
seen.jobs = (await ask("ListJobsResponse", client.jobs.list({ pageSize: PAGE }))).data.length;

process.stdout.write(JSON.stringify({ seen, parsed, mistakes }));
