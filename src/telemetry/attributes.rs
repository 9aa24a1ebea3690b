//! Names of attributes, each with its source.
//!
//! The GenAI names are those of `open-telemetry/semantic-conventions-genai` (`docs/gen-ai/gen-ai-agent-spans.md`,
//! status Development); the constants of the crate `opentelemetry-semantic-conventions` are all marked as deprecated
//! since they moved there. `microsoft.*` is what Foundry's own spans have, and what Application Insights' Agents view
//! groups by (`azure-monitor-opentelemetry-exporter`, `_gen_ai/_processor.py`). `gateway.*` is the gateway's own.

/// What kind of GenAI operation it is; always [`INVOKE_AGENT`].
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// The operation of a turn.
pub const INVOKE_AGENT: &str = "invoke_agent";
/// Whose agents they are; always [`FOUNDRY`].
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// As Foundry itself says it (`AGENTS_PROVIDER` of `azure-ai-projects`).
pub const FOUNDRY: &str = "microsoft.foundry";
/// `name:version` of a new agent, `asst_...` of a classic one.
pub const AGENT_ID: &str = "gen_ai.agent.id";
/// Name of the agent; of a classic one, its id.
pub const AGENT_NAME: &str = "gen_ai.agent.name";
/// Version of a new agent.
pub const AGENT_VERSION: &str = "gen_ai.agent.version";
/// The conversation: what the `thread_id`s that the client is told for its turns share.
pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// `model` of the request, as the client wrote it.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// Most tokens that the answer may have.
pub const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// Sampling temperature.
pub const REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
/// Nucleus sampling.
pub const REQUEST_TOP_P: &str = "gen_ai.request.top_p";
/// Whether the client is answered in a stream.
pub const REQUEST_STREAM: &str = "gen_ai.request.stream";
/// `resp_...` of a new agent's turn, `run_...` of a classic one's.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// The model that answered, as the service names it.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Why the answer ended, one text in an array.
pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Seconds until the agent said something.
pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Tokens read, cached ones included.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the input that came from a cache.
pub const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Tokens written, reasoning included.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Tokens of the output spent on reasoning.
pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// `input` or `output`, on the metric of tokens.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
/// What was said to the agent; on request only.
pub const INPUT_MESSAGES: &str = "gen_ai.input.messages";
/// What the agent said; on request only.
pub const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
/// System text; on request only.
pub const SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";

/// The agent by which the Agents view groups a span.
pub const MAIN_AGENT_NAME: &str = "microsoft.gen_ai.main_agent.name";
/// Its id.
pub const MAIN_AGENT_ID: &str = "microsoft.gen_ai.main_agent.id";
/// Its version.
pub const MAIN_AGENT_VERSION: &str = "microsoft.gen_ai.main_agent.version";
/// Its conversation.
pub const MAIN_AGENT_CONVERSATION: &str = "microsoft.gen_ai.main_agent.conversation_id";
/// ARM id of the default project.
pub const PROJECT_ID: &str = "microsoft.foundry.project.id";

/// Why something failed: the `code` of the error that the client is given. `error.type` of the general conventions.
pub const ERROR_TYPE: &str = "error.type";
/// Host of the service.
pub const SERVER_ADDRESS: &str = "server.address";
/// Its port.
pub const SERVER_PORT: &str = "server.port";
/// Method of the client's request.
pub const HTTP_METHOD: &str = "http.request.method";
/// The route, never the path, which is whatever a client makes up.
pub const HTTP_ROUTE: &str = "http.route";
/// Status of the answer.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// How often a request had been sent before.
pub const HTTP_RESEND_COUNT: &str = "http.request.resend_count";
/// Scheme of the client's request: behind the Functions host always `http`.
pub const URL_SCHEME: &str = "url.scheme";
/// The client's program.
pub const USER_AGENT: &str = "user_agent.original";
/// The Functions host's id for the call.
pub const FAAS_INVOCATION_ID: &str = "faas.invocation_id";
/// What made the Functions host call.
pub const FAAS_TRIGGER: &str = "faas.trigger";

/// Name of the caller, as `GATEWAY_API_KEYS` has it.
pub const CALLER: &str = "gateway.caller";
/// Name of the project, as `GATEWAY_AGENTS` has it; `default` for that of `FOUNDRY_PROJECT_ENDPOINT`.
pub const PROJECT: &str = "gateway.project";
/// `x-request-id`.
pub const REQUEST_ID: &str = "gateway.request_id";
/// How it ended: `done`, `error` or `cancelled`.
pub const OUTCOME: &str = "gateway.outcome";
/// How the conversation was found.
pub const CONTINUITY: &str = "gateway.continuity";
/// What was asked of the store of conversations.
pub const STORE_OPERATION: &str = "gateway.store.operation";
/// Which store it is.
pub const STORE_KIND: &str = "gateway.store.kind";
/// Why a request was sent again: the code of the error that it would have been.
pub const RETRY_REASON: &str = "gateway.retry.reason";
/// What a token is for.
pub const TOKEN_SCOPE: &str = "gateway.token.scope";
