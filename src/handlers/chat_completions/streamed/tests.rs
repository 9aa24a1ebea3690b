use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::*;
use crate::{
    agent::{
        FailureKind,
        stream::{ByteStream, StreamLimits, plain::PlainTranslator},
    },
    openai::chat::AnswerHead,
};

const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

fn writer() -> ChunkWriter {
    let head = AnswerHead {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "helper".to_owned(),
        thread_id: None,
        show_reasoning: false,
    };
    ChunkWriter::new(head, false)
}

fn stream_of(bytes: ByteStream) -> Box<AnswerStream> {
    let limits = StreamLimits {
        between_bytes: Duration::from_secs(1000),
        deadline: Instant::now() + Duration::from_secs(1000),
        bytes: usize::MAX,
    };
    AnswerStream::new(bytes, Box::new(PlainTranslator), limits, Box::new(|_| ()))
}

fn pieces(pieces: Vec<Bytes>) -> ByteStream {
    Box::pin(stream::iter(pieces.into_iter().map(Ok)))
}

/// A piece after each of the given pauses.
fn paused_pieces(pieces: Vec<(u64, &'static str)>) -> ByteStream {
    Box::pin(stream::iter(pieces).then(|(pause, piece)| async move {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        Ok(Bytes::from(piece))
    }))
}

fn started(bytes: ByteStream) -> StreamedAnswer {
    StreamedAnswer::started(
        stream_of(bytes),
        writer(),
        HEARTBEAT_EVERY,
        "req_1".to_owned(),
    )
}

async fn text_of(answer: StreamedAnswer) -> String {
    let body = answer.collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn chunk(delta: &str, finish_reason: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"helper\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish_reason}}}]}}\n\n"
    )
}

fn whole_answer(texts: &[&str]) -> String {
    let mut expected = chunk(r#"{"role":"assistant","content":""}"#, "null");
    for text in texts {
        expected += &chunk(&format!(r#"{{"content":"{text}"}}"#), "null");
    }
    expected + &chunk("{}", "\"stop\"") + "data: [DONE]\n\n"
}

#[tokio::test]
async fn an_answer_is_role_text_end_and_done() {
    let bytes = pieces(vec![
        "data: a\n\ndata: b".into(),
        "\n\nevent: completed\ndata: 1\n\n".into(),
    ]);
    assert_eq!(text_of(started(bytes)).await, whole_answer(&["a", "b"]));
}

fn events_of(frame: Frame<Bytes>) -> usize {
    let data = frame.into_data().unwrap();
    String::from_utf8_lossy(&data).matches("data: ").count()
}

#[tokio::test]
async fn what_is_at_hand_leaves_as_one_frame() {
    let reads = pieces(vec!["data: a\n\ndata: b\n\n".into(), "data: c\n\n".into()]);
    let mut answer = started(Box::pin(reads.chain(stream::pending())));
    assert_eq!(
        events_of(answer.frame().await.unwrap().unwrap()),
        2,
        "role and a"
    );
    assert_eq!(
        events_of(answer.frame().await.unwrap().unwrap()),
        2,
        "b and c"
    );
}

#[tokio::test]
async fn the_first_words_are_sent_before_what_came_with_them_is_written() {
    let reads = pieces(vec!["data: a\n\ndata: b\n\ndata: c\n\n".into()]);
    let mut answer = started(Box::pin(reads.chain(stream::pending())));
    let mut next = || {
        let frame = answer.frame().now_or_never();
        frame.map(|frame| events_of(frame.unwrap().unwrap()))
    };
    assert_eq!(next(), Some(2), "role and a");
    assert_eq!(next(), None, "the server is told to send");
    assert_eq!(next(), Some(2), "b and c");
    assert_eq!(next(), None, "the agent has no more for now");
}

#[tokio::test]
async fn a_failure_after_the_first_byte_is_one_error_event_and_no_done() {
    let text = text_of(started(pieces(vec![
        "data: a\n\nevent: failed\ndata: broken\n\n".into(),
    ])))
    .await;
    let expected_end = concat!(
        r#"data: {"error":{"message":"broken","type":"server_error","param":null,"code":"upstream_failed"}}"#,
        "\n\n"
    );
    assert!(text.ends_with(expected_end), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_comments() {
    let start = Instant::now();
    let bytes = paused_pieces(vec![
        (40, "data: a\n\n"),
        (10, "event: completed\ndata: 1\n\n"),
    ]);
    let text = text_of(started(bytes)).await;
    assert_eq!(start.elapsed().as_secs(), 50);
    assert_eq!(
        text.matches(": keep-alive\n\n").count(),
        2,
        "at 15 s and 30 s: {text}"
    );
    assert_eq!(text.replace(": keep-alive\n\n", ""), whole_answer(&["a"]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_for_its_agent_commits_with_a_comment() {
    let opening: Opening = Box::pin(async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(stream_of(pieces(vec![
            "data: a\n\nevent: completed\ndata: 1\n\n".into(),
        ])))
    });
    let answer = StreamedAnswer::waiting(opening, writer(), HEARTBEAT_EVERY, "req_1".to_owned());
    let text = text_of(answer).await;
    let comments = ": keep-alive\n\n".repeat(2);
    assert_eq!(text, comments + &whole_answer(&["a"]));
}

#[tokio::test]
async fn an_agent_that_fails_after_the_commit_is_an_error_event() {
    let opening: Opening =
        Box::pin(async { Err(Failure::new(FailureKind::RateLimited, "slow down")) });
    let answer = StreamedAnswer::waiting(opening, writer(), HEARTBEAT_EVERY, "req_1".to_owned());
    let text = text_of(answer).await;
    assert!(
        text.starts_with(": keep-alive\n\ndata: {\"error\""),
        "{text}"
    );
    assert!(
        text.contains("rate_limit_exceeded") && !text.contains("[DONE]"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn any_split_of_upstream_bytes_gives_the_same_chunks(cuts in prop::collection::vec(0_usize..90, 0..10)) {
        const UPSTREAM: &str =
            "event: started\ndata: 1\n\ndata: π a\n\n: comment\n\ndata: 😄\r\n\r\ndata: c\n\nevent: completed\ndata: 1\n\n";
        let bytes = Bytes::from_static(UPSTREAM.as_bytes());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut start = 0;
        let split = cuts.into_iter().map(|cut| bytes.slice(std::mem::replace(&mut start, cut)..cut)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let text = runtime.block_on(async { text_of(started(pieces(split))).await });
        prop_assert_eq!(text, whole_answer(&["π a", "😄", "c"]));
    }
}
