//! One turn of an agent: the CLIENT span `invoke_agent`, its metrics, and its report for the access log.
//!
//! It begins when the agent is about to be called, and ends when the answer does, however that is: with its last
//! event, with a failure before the first one, or with the client's going, which drops the answer or the wait for it.

use std::{future::Future, sync::Arc, time::Duration};

use opentelemetry::{
    Array, Context, KeyValue, StringValue, Value,
    context::FutureExt,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};
use tokio::time::Instant;

use super::{
    attributes,
    child::Family,
    content::Said,
    metrics::{TurnEnd, caller_label},
    request::{Outcome, RequestTelemetry},
};
use crate::{
    agent::{
        AgentReference, AnswerStream, End, Event, Failure, FailureKind, Turn, Usage,
        model_name::ResolvedAgent, stream::UpstreamIds, watch::Watch,
    },
    config::projects::DEFAULT_PROJECT,
    error::ApiError,
};

/// What is known of a turn when its agent is called.
#[derive(Debug)]
pub struct TurnFacts<'a> {
    /// The agent.
    pub agent: &'a ResolvedAgent,
    /// Host and port of its project.
    pub server: (&'a str, u16),
    /// `model`, as the client wrote it.
    pub model: &'a str,
    /// Name of the caller.
    pub caller: &'a str,
    /// The part of `thread_id` that all turns of the conversation share.
    pub conversation_id: Option<&'a str>,
    /// What is sent.
    pub turn: &'a Turn,
}

/// Watches one turn.
#[derive(Debug)]
pub struct TurnWatch {
    request: RequestTelemetry,
    /// With the CLIENT span, where the trace is recorded.
    context: Option<Context>,
    agent: AgentReference,
    conversation_id: Option<String>,
    model: String,
    caller: String,
    streamed: bool,
    started: Instant,
    first_chunk: Option<Duration>,
    usage: Option<Usage>,
    /// What the agent says, where that is recorded.
    said: Option<Said>,
    ended: bool,
}

impl RequestTelemetry {
    /// Begins a turn of this request.
    pub fn turn(&self, facts: &TurnFacts<'_>) -> TurnWatch {
        self.report_mut(|report| {
            report.agent = Some(facts.agent.reference.to_string());
            facts.caller.clone_into(&mut report.caller);
        });
        if facts.turn.streamed
            && let Some(metrics) = self.telemetry().metrics()
        {
            metrics.streams_changed(1);
        }
        let context = self.context().map(|parent| self.client_span(parent, facts));
        let recorded = context
            .as_ref()
            .is_some_and(|context| context.span().is_recording());
        TurnWatch {
            request: self.clone(),
            context,
            agent: facts.agent.reference.clone(),
            conversation_id: facts.conversation_id.map(str::to_owned),
            model: facts.model.to_owned(),
            caller: facts.caller.to_owned(),
            streamed: facts.turn.streamed,
            started: Instant::now(),
            first_chunk: None,
            usage: None,
            said: (recorded && self.telemetry().captures_content()).then(Said::default),
            ended: false,
        }
    }

    fn client_span(&self, parent: &Context, facts: &TurnFacts<'_>) -> Context {
        let Some(family) = parent.get::<Family>() else {
            return parent.clone();
        };
        let mut main_agent = vec![KeyValue::new(
            attributes::MAIN_AGENT_NAME,
            name_of(&facts.agent.reference),
        )];
        if let Some(id) = facts.conversation_id {
            main_agent.push(KeyValue::new(
                attributes::MAIN_AGENT_CONVERSATION,
                id.to_owned(),
            ));
        }
        let builder = SpanBuilder::from_name(format!("invoke_agent {}", facts.agent.reference))
            .with_kind(SpanKind::Client)
            .with_attributes(self.attributes_of(facts, &main_agent));
        let span = family.tracer.build_with_context(builder, parent);
        parent.with_span(span).with_value(Family {
            tracer: family.tracer.clone(),
            main_agent: Arc::new(main_agent),
        })
    }

    fn attributes_of(&self, facts: &TurnFacts<'_>, main_agent: &[KeyValue]) -> Vec<KeyValue> {
        if !self
            .context()
            .is_some_and(|parent| parent.span().is_recording())
        {
            return Vec::new();
        }
        let mut list = Vec::with_capacity(16);
        list.extend([
            KeyValue::new(attributes::OPERATION_NAME, attributes::INVOKE_AGENT),
            KeyValue::new(attributes::PROVIDER_NAME, attributes::FOUNDRY),
            KeyValue::new(attributes::AGENT_NAME, name_of(&facts.agent.reference)),
            KeyValue::new(attributes::REQUEST_MODEL, facts.model.to_owned()),
            KeyValue::new(attributes::REQUEST_STREAM, facts.turn.streamed),
            KeyValue::new(attributes::CALLER, facts.caller.to_owned()),
            KeyValue::new(attributes::PROJECT, facts.agent.project.clone()),
            KeyValue::new(attributes::SERVER_ADDRESS, facts.server.0.to_owned()),
            KeyValue::new(attributes::SERVER_PORT, i64::from(facts.server.1)),
        ]);
        list.extend(main_agent.iter().cloned());
        if let Some(id) = self.telemetry().project_resource_id()
            && facts.agent.project == DEFAULT_PROJECT
        {
            list.push(KeyValue::new(attributes::PROJECT_ID, id.to_owned()));
        }
        if let Some(id) = facts.conversation_id {
            list.push(KeyValue::new(attributes::CONVERSATION_ID, id.to_owned()));
        }
        if let Some(most) = facts.turn.max_output_tokens {
            list.push(KeyValue::new(
                attributes::REQUEST_MAX_TOKENS,
                i64::from(most),
            ));
        }
        if let Some(temperature) = facts.turn.overrides.temperature {
            list.push(KeyValue::new(attributes::REQUEST_TEMPERATURE, temperature));
        }
        if let Some(top_p) = facts.turn.overrides.top_p {
            list.push(KeyValue::new(attributes::REQUEST_TOP_P, top_p));
        }
        if self.telemetry().captures_content() {
            list.extend(super::content::attributes_of(facts.turn));
        }
        list
    }
}

fn name_of(agent: &AgentReference) -> String {
    match agent {
        AgentReference::New { name, .. } => name.clone(),
        AgentReference::Classic { assistant_id } => assistant_id.clone(),
    }
}

impl TurnWatch {
    /// Runs the call of the agent with the turn's span as the current one, and goes on watching its answer.
    pub async fn around(
        mut self,
        opening: impl Future<Output = Result<Box<AnswerStream>, Failure>>,
    ) -> Result<Box<AnswerStream>, Failure> {
        let opened = match self.context.clone() {
            Some(context) => opening.with_context(context).await,
            None => opening.await,
        };
        match opened {
            Ok(mut stream) => {
                stream.watched_by(Box::new(self));
                Ok(stream)
            }
            Err(failure) => {
                self.failed(&failure);
                self.end(Outcome::Error, UpstreamIds::default(), Vec::new());
                Err(failure)
            }
        }
    }

    fn failed(&self, failure: &Failure) {
        let code = ApiError::code_of(failure.kind);
        self.request.report_mut(|report| report.error = Some(code));
    }

    /// Nobody waits for the rest: the client left, or the gateway panics.
    fn given_up(&mut self, ids: UpstreamIds) {
        if self.ended {
            return;
        }
        let outcome = if std::thread::panicking() {
            self.request
                .report_mut(|report| report.error = Some(ApiError::INTERNAL));
            Outcome::Error
        } else {
            Outcome::Cancelled
        };
        self.end(outcome, ids, Vec::new());
    }

    /// `ends` are attributes that only this end has.
    fn end(&mut self, outcome: Outcome, ids: UpstreamIds, ends: Vec<KeyValue>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration = self.started.elapsed();
        let error = self.request.report_mut(|report| {
            report.upstream = Some(duration);
            report.usage = self.usage;
            report.error.filter(|_| outcome == Outcome::Error)
        });
        self.count(outcome, error, duration, &ids);
        let Some(context) = self.context.take() else {
            return;
        };
        let span = context.span();
        if span.is_recording() {
            let mut list = self.attributes_at_end(ids);
            list.extend(ends);
            list.push(KeyValue::new(attributes::OUTCOME, outcome.as_str()));
            if let Some(error) = error {
                list.push(KeyValue::new(attributes::ERROR_TYPE, error));
                span.set_status(Status::error(error));
            }
            span.set_attributes(list);
        }
        span.end();
    }

    fn attributes_at_end(&mut self, ids: UpstreamIds) -> Vec<KeyValue> {
        let mut list = Vec::with_capacity(16);
        let name = name_of(&self.agent);
        let version = match &self.agent {
            AgentReference::New { version, .. } => ids.agent_version.or_else(|| version.clone()),
            AgentReference::Classic { .. } => None,
        };
        let id = match &version {
            Some(version) => format!("{name}:{version}"),
            None => name,
        };
        list.push(KeyValue::new(attributes::AGENT_ID, id.clone()));
        list.push(KeyValue::new(attributes::MAIN_AGENT_ID, id));
        if let Some(version) = version {
            list.push(KeyValue::new(attributes::AGENT_VERSION, version.clone()));
            list.push(KeyValue::new(attributes::MAIN_AGENT_VERSION, version));
        }
        let classic_thread = ids.thread_id.filter(|_| self.conversation_id.is_none());
        list.extend(classic_thread.map(|id| KeyValue::new(attributes::CONVERSATION_ID, id)));
        list.extend(
            ids.run_id
                .map(|id| KeyValue::new(attributes::RESPONSE_ID, id)),
        );
        list.extend(
            ids.model
                .map(|model| KeyValue::new(attributes::RESPONSE_MODEL, model)),
        );
        if let Some(first_chunk) = self.first_chunk {
            let seconds = first_chunk.as_secs_f64();
            list.push(KeyValue::new(attributes::TIME_TO_FIRST_CHUNK, seconds));
        }
        if let Some(usage) = self.usage {
            list.extend(
                [
                    (attributes::INPUT_TOKENS, usage.input),
                    (attributes::CACHED_TOKENS, usage.cached_input),
                    (attributes::OUTPUT_TOKENS, usage.output),
                    (attributes::REASONING_TOKENS, usage.reasoning_output),
                ]
                .map(|(name, tokens)| {
                    KeyValue::new(name, i64::try_from(tokens).unwrap_or(i64::MAX))
                }),
            );
        }
        list
    }

    fn count(
        &self,
        outcome: Outcome,
        error: Option<&'static str>,
        duration: Duration,
        ids: &UpstreamIds,
    ) {
        let Some(metrics) = self.request.telemetry().metrics() else {
            return;
        };
        if self.streamed {
            metrics.streams_changed(-1);
        }
        let mut labels = vec![
            KeyValue::new(attributes::OPERATION_NAME, attributes::INVOKE_AGENT),
            KeyValue::new(attributes::PROVIDER_NAME, attributes::FOUNDRY),
            KeyValue::new(attributes::CALLER, caller_label(&self.caller).to_owned()),
            KeyValue::new(attributes::OUTCOME, outcome.as_str()),
        ];
        // Names that the service does not know are whatever clients make up.
        if error != Some(ApiError::code_of(FailureKind::AgentNotFound)) {
            labels.push(KeyValue::new(attributes::AGENT_NAME, name_of(&self.agent)));
            labels.push(KeyValue::new(attributes::REQUEST_MODEL, self.model.clone()));
        }
        if let Some(model) = &ids.model {
            labels.push(KeyValue::new(attributes::RESPONSE_MODEL, model.clone()));
        }
        labels.extend(error.map(|error| KeyValue::new(attributes::ERROR_TYPE, error)));
        metrics.turn_ended(TurnEnd {
            labels,
            duration,
            first_chunk: self.first_chunk,
            usage: self.usage,
        });
    }
}

impl Watch for TurnWatch {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Text(_) | Event::Refusal(_) | Event::ToolCall { .. } => {
                self.first_chunk
                    .get_or_insert_with(|| self.started.elapsed());
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            _ => {}
        }
        if let Some(said) = &mut self.said {
            said.note(event);
        }
    }

    fn ended(&mut self, end: Option<&End>, ids: UpstreamIds) {
        let reason = match end {
            None => return self.given_up(ids),
            Some(End::Failed(failure)) => {
                self.failed(failure);
                return self.end(Outcome::Error, ids, Vec::new());
            }
            Some(End::Completed) => "stop",
            Some(End::ToolCalls) => "tool_calls",
            Some(End::Length) => "length",
            Some(End::ContentFilter) => "content_filter",
        };
        let reasons = Array::String(vec![StringValue::from(reason)]);
        let mut ends = vec![KeyValue::new(
            attributes::FINISH_REASONS,
            Value::Array(reasons),
        )];
        ends.extend(self.said.take().map(|said| said.attribute(reason)));
        self.end(Outcome::Done, ids, ends);
    }
}

impl Drop for TurnWatch {
    /// The client left while the agent was being called.
    fn drop(&mut self) {
        self.given_up(UpstreamIds::default());
    }
}
