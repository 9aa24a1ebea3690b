//! The one list of settings, from which the documentation is checked.

pub mod telemetry;

/// One setting as the documentation shows it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name of the environment variable (an app setting of the Function App).
    pub name: &'static str,
    /// The default in words, `none` where there is none.
    pub default: &'static str,
    /// What it decides.
    pub meaning: &'static str,
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default,
        meaning,
    }
}

/// Every setting the gateway reads, but those of [`telemetry`]; a test holds the README and `local.settings.example.json` to this list.
pub const SETTINGS: &[Setting] = &[
    setting(
        "FOUNDRY_PROJECT_ENDPOINT",
        "none, required unless every alias has a project",
        "the project: `https://<account>.services.ai.azure.com/api/projects/<project>`; plain http only on loopback",
    ),
    setting(
        "GATEWAY_API_KEYS",
        "none; one way in is required",
        "callers: `name=key` or `name=sha256:<hex>`, comma-separated; a name may stand several times; a bare key is named `default`",
    ),
    setting(
        "GATEWAY_ALLOW_ANONYMOUS",
        "`false`",
        "`true` serves requests without a key",
    ),
    setting(
        "GATEWAY_ENTRA_TENANT_ID",
        "none",
        "takes access tokens of this Microsoft Entra tenant, beside keys or instead of them; a GUID",
    ),
    setting(
        "GATEWAY_ENTRA_AUDIENCE",
        "none",
        "the audience of those tokens, comma-separated: the application id of the gateway's app registration, or its application id URI",
    ),
    setting(
        "GATEWAY_ENTRA_ALLOWED_CLIENTS",
        "every application",
        "ids of the applications whose tokens are taken, comma-separated",
    ),
    setting(
        "GATEWAY_ENTRA_REQUIRED_ROLES",
        "none",
        "roles of which a token needs one, comma-separated",
    ),
    setting(
        "GATEWAY_ENTRA_REQUIRED_SCOPES",
        "none",
        "scopes of which a token needs one, comma-separated; beside roles, either is enough",
    ),
    setting(
        "GATEWAY_UPSTREAM_IDENTITY",
        "`service`",
        "on whose behalf Foundry is called: `service` the gateway's identity, `pass-through` the caller's own token for Foundry, `on-behalf-of` one that Entra gives in exchange for the caller's; [docs/callers.md](docs/callers.md)",
    ),
    setting(
        "GATEWAY_ENTRA_CLIENT_ID",
        "`AZURE_CLIENT_ID`, unless that is a managed identity's",
        "the gateway's app registration, which exchanges callers' tokens",
    ),
    setting(
        "GATEWAY_CALLERS",
        "none",
        "policies of callers (agents, requests per minute, answers at once): inline JSON, or the path of a JSON file; [docs/callers.md](docs/callers.md)",
    ),
    setting(
        "GATEWAY_AGENTS",
        "none",
        "aliases, and further projects with credentials of their own: inline JSON, or the path of a JSON file",
    ),
    setting(
        "GATEWAY_CLASSIC_AGENTS",
        "`true`",
        "`false` switches classic agents (threads and runs) off",
    ),
    setting(
        "GATEWAY_AGENT_OVERRIDES",
        "`auto`",
        "request fields that an agent owns: `auto` drops hints and lets the rest override the agent's definition, `inline` lets all override it, `reject` refuses all, `ignore` drops all; what is dropped is named in `x-ignored-params`",
    ),
    setting(
        "GATEWAY_APPROVALS",
        "`fail`",
        "MCP calls that an agent wants approved and that its alias does not list: `fail` ends the answer with an error, `refuse` tells the agent no, `surface` asks the client by a tool call",
    ),
    setting(
        "GATEWAY_REASONING_CONTENT",
        "`false`",
        "`true` tells summaries of an agent's reasoning as `reasoning_content`",
    ),
    setting(
        "GATEWAY_AGENT_ENDPOINT",
        "`project`",
        "which endpoint runs new agents: `project` names the agent to the project's, `agent` uses the agent's own, which needs the least rights",
    ),
    setting(
        "FOUNDRY_FEATURES",
        "none",
        "preview features of the service that agents need, such as `WorkflowAgents=V1Preview`",
    ),
    setting(
        "FOUNDRY_CREDENTIAL",
        "`auto`",
        "how to sign in: `auto`, `service-principal`, `service-principal-certificate`, `workload-identity`, `managed-identity`, `developer-tools`, `static-token`",
    ),
    setting(
        "AZURE_TENANT_ID",
        "none",
        "tenant of the service principal or workload identity",
    ),
    setting(
        "AZURE_CLIENT_ID",
        "none",
        "client id of the service principal or workload identity; alone, it selects a user-assigned managed identity",
    ),
    setting(
        "AZURE_CLIENT_SECRET",
        "none",
        "secret of the service principal",
    ),
    setting(
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "none",
        "PEM file with the certificate and RSA key of the service principal, instead of a secret",
    ),
    setting(
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "none",
        "must not be set: a key under a password is refused, with what to do",
    ),
    setting(
        "AZURE_FEDERATED_TOKEN_FILE",
        "none",
        "file with the federated token of a workload identity",
    ),
    setting(
        "AZURE_AUTHORITY_HOST",
        "`https://login.microsoftonline.com`",
        "Entra authority, such as that of a sovereign cloud: for the gateway's sign-in, and for callers' tokens",
    ),
    setting(
        "IDENTITY_ENDPOINT",
        "set by Azure",
        "managed-identity endpoint of the Function App; its presence selects managed identity",
    ),
    setting(
        "IDENTITY_HEADER",
        "set by Azure",
        "what that endpoint asks for",
    ),
    setting(
        "FOUNDRY_ACCESS_TOKEN",
        "none",
        "a static bearer token, for tests and short trials",
    ),
    setting(
        "FOUNDRY_TOKEN_SCOPE",
        "`https://ai.azure.com/.default`",
        "scope of the token for Foundry",
    ),
    setting(
        "GATEWAY_CONTINUITY",
        "`auto`",
        "what continues a conversation upstream: `auto` its recognised history, a name or an id; `explicit` the `thread_id` of an earlier answer; `off` nothing, every turn replays its history and nothing is kept",
    ),
    setting(
        "GATEWAY_CONVERSATION_HEADERS",
        "the headers of Open WebUI, opencode and Codex",
        "request headers that name a conversation, comma-separated; `metadata.conversation_id` does so too",
    ),
    setting(
        "GATEWAY_CONVERSATION_DAYS",
        "`30`",
        "how long a conversation can be continued after its last turn",
    ),
    setting(
        "GATEWAY_CONTINUITY_KEY",
        "derived from `GATEWAY_API_KEYS`",
        "secret under which histories are fingerprinted and ids of files signed, the same for all instances; required with tokens and no keys",
    ),
    setting(
        "THREADS_TABLE_ENDPOINT",
        "none",
        "Table Storage in which conversations are remembered, with the gateway's identity: `https://<account>.table.core.windows.net`; without it and the next, memory",
    ),
    setting(
        "THREADS_CONNECTION_STRING",
        "none",
        "the same with an account key: a storage connection string, or `UseDevelopmentStorage=true` for Azurite",
    ),
    setting(
        "THREADS_TABLE_NAME",
        "`threads`",
        "the table, made when it is missing; 3 to 63 letters and digits, a letter first",
    ),
    setting(
        "GATEWAY_STORE_TIMEOUT_SECONDS",
        "`0.5`",
        "one look-up or change in Table Storage, repetitions included; when it is over, the request goes on without",
    ),
    setting(
        "GATEWAY_CITATION_MARKERS",
        "`keep`",
        "markers such as `【4:0†source】` in answers: `keep` or `strip`; annotations are the same either way",
    ),
    setting(
        "GATEWAY_PUBLIC_URL",
        "where the request was sent",
        "address of the gateway in links to files: `https://<app>.azurewebsites.net`",
    ),
    setting(
        "SSL_CERT_FILE",
        "none",
        "certificate authorities (PEM) to trust beside the bundled ones",
    ),
    setting(
        "FUNCTIONS_CUSTOMHANDLER_PORT",
        "set by the host",
        "port to listen on at 127.0.0.1",
    ),
    setting(
        "PORT",
        "`8080`",
        "the same, when not started by the Functions host; `0` picks a free port",
    ),
    setting(
        "GATEWAY_LOG",
        "`info`",
        "log level, or filter directives such as `foundry_gateway=debug`",
    ),
    setting(
        "GATEWAY_LOG_FORMAT",
        "`text`",
        "`json` writes each line of the log as one JSON object",
    ),
    setting(
        "GATEWAY_CONNECT_TIMEOUT_SECONDS",
        "`5`",
        "opening a connection to Foundry",
    ),
    setting(
        "GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS",
        "`100`",
        "until Foundry's response headers",
    ),
    setting(
        "GATEWAY_IDLE_TIMEOUT_SECONDS",
        "`180`",
        "silence of Foundry within an answer",
    ),
    setting(
        "GATEWAY_STREAM_TIMEOUT_SECONDS",
        "`540`",
        "a whole streaming answer; keep it below `functionTimeout` of host.json",
    ),
    setting(
        "GATEWAY_RESPONSE_TIMEOUT_SECONDS",
        "`220`",
        "a whole non-streaming answer; Azure cuts at 230 s",
    ),
    setting(
        "GATEWAY_HEARTBEAT_SECONDS",
        "`15`",
        "longest silence towards a streaming client",
    ),
    setting(
        "GATEWAY_COMMIT_SECONDS",
        "`10`",
        "silence after which a streaming answer sends its headers, and a failure can no longer be an HTTP status",
    ),
    setting(
        "GATEWAY_HEADER_TIMEOUT_SECONDS",
        "`90`",
        "a client's request headers, and idle connections; keep it above the 60 s of the Functions host",
    ),
    setting(
        "GATEWAY_BODY_TIMEOUT_SECONDS",
        "`60`",
        "a client's request body",
    ),
    setting(
        "GATEWAY_WRITE_TIMEOUT_SECONDS",
        "`60`",
        "how long a client may take nothing of an answer that is ready for it; then its connection is closed and its agent stopped",
    ),
    setting(
        "GATEWAY_MAX_BODY_BYTES",
        "`33554432`",
        "size of a request body",
    ),
    setting(
        "GATEWAY_MAX_FILE_BYTES",
        "`209715200`",
        "size of an uploaded file, which streams through; the service takes 512 MiB",
    ),
    setting(
        "GATEWAY_MAX_ANSWER_BYTES",
        "`268435456`",
        "size of an agent's answer, as the service streams it",
    ),
    setting(
        "GATEWAY_MAX_CONCURRENT_REQUESTS",
        "`512`",
        "answers in the making; more are refused with 503",
    ),
    setting(
        "GATEWAY_MAX_CONNECTIONS",
        "`4096`",
        "connections of clients, idle ones included; more are refused with 503",
    ),
    setting(
        "GATEWAY_SHUTDOWN_SECONDS",
        "`25`",
        "how long open answers may take after SIGTERM",
    ),
];
