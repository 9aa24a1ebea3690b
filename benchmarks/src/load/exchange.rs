//! One request and its answer, timed and judged.

use http_body_util::BodyExt;
use tokio::time::Instant;

use super::{
    Marks, Plan,
    answer::{Answer, AnswerReader, Problem},
    body::Conversation,
    connection::{Connection, failed},
};
use crate::upstream::answer_text;

/// When what of an answer was there, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) first_byte: f64,
    pub(super) first_text: Option<f64>,
    pub(super) total: f64,
}

/// Asks the next question of the conversation; times count from `begin`.
pub(super) async fn exchange(
    connection: &mut Connection,
    plan: &Plan,
    conversation: &mut Conversation,
    marks: &Marks,
    begin: Option<Instant>,
) -> Result<Times, Problem> {
    let mark = marks.next();
    let body = conversation.ask(plan, &mark);
    let begin = begin.unwrap_or_else(Instant::now);
    let (times, answer) = ask(connection, plan, body, &mark, begin, || {}).await?;
    conversation.answered(plan, answer);
    Ok(times)
}

/// Sends one body and reads the answer to its end; `at_first_text` is called once there is text.
pub(super) async fn ask(
    connection: &mut Connection,
    plan: &Plan,
    body: bytes::Bytes,
    mark: &str,
    begin: Instant,
    at_first_text: impl FnOnce(),
) -> Result<(Times, Answer), Problem> {
    let since_begin = || begin.elapsed().as_secs_f64() * 1000.0;
    let dialect = connection.head().target().dialect;
    let mut response = connection.send(body).await?;
    let status = response.status();
    if status != http::StatusCode::OK {
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes();
        let told = String::from_utf8_lossy(&body).into_owned();
        return Err(Problem::Status(status.as_u16(), told));
    }
    let mut reader = AnswerReader::new(dialect, plan.stream);
    let mut first_byte = None;
    let mut first_text = None;
    let mut at_first_text = Some(at_first_text);
    while let Some(frame) = response.body_mut().frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let now = since_begin();
        first_byte.get_or_insert(now);
        reader.push(data);
        if first_text.is_none() && reader.has_text() {
            first_text = Some(now);
            if let Some(at_first_text) = at_first_text.take() {
                at_first_text();
            }
        }
    }
    let total = since_begin();
    let answer = reader.finish(&answer_text(mark, plan.deltas))?;
    let times = Times {
        first_byte: first_byte.unwrap_or(total),
        first_text,
        total,
    };
    Ok((times, answer))
}
