use std::sync::{Arc, Mutex};

use futures_util::{FutureExt, StreamExt, stream};

use super::{plain::PlainTranslator, *};
use crate::agent::FailureKind;

const IDLE: Duration = Duration::from_secs(30);
const TOTAL: Duration = Duration::from_secs(100);
const MOST_BYTES: usize = 1000;

fn answer(bytes: ByteStream, on_drop: OnDrop) -> Box<AnswerStream> {
    answer_of_at_most(usize::MAX, bytes, on_drop)
}

fn answer_of_at_most(most: usize, bytes: ByteStream, on_drop: OnDrop) -> Box<AnswerStream> {
    let limits = StreamLimits {
        between_bytes: IDLE,
        deadline: Instant::now() + TOTAL,
        bytes: most,
    };
    AnswerStream::new(bytes, Box::new(PlainTranslator), limits, on_drop)
}

fn answer_of(pieces: &'static [&'static str]) -> Box<AnswerStream> {
    let bytes = stream::iter(
        pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes()))),
    );
    answer(Box::pin(bytes), Box::new(|_| ()))
}

/// Pieces that arrive after the given seconds, then silence.
fn answer_at(pieces: Vec<(u64, &'static str)>) -> Box<AnswerStream> {
    let start = Instant::now();
    let bytes = stream::iter(pieces)
        .then(move |(second, piece)| async move {
            tokio::time::sleep_until(start + Duration::from_secs(second)).await;
            Ok(Bytes::from_static(piece.as_bytes()))
        })
        .chain(stream::pending());
    answer(Box::pin(bytes), Box::new(|_| ()))
}

async fn end_of(answer: &mut AnswerStream) -> End {
    loop {
        if let Some(Event::End(end)) = answer.next().await {
            return end;
        }
    }
}

fn kind(end: &End) -> Option<FailureKind> {
    match end {
        End::Failed(failure) => Some(failure.kind),
        _ => None,
    }
}

#[tokio::test]
async fn events_come_in_order_and_nothing_follows_the_end() {
    let mut answer = answer_of(&[
        "event: started\ndata: 1\n\ndata: a",
        "\n\nevent: completed\ndata: 1\n\ndata: b\n\n",
    ]);
    assert_eq!(answer.next().await, Some(Event::Started));
    assert_eq!(answer.next().await, Some(Event::Text("a".to_owned())));
    assert_eq!(answer.next().await, Some(Event::End(End::Completed)));
    assert_eq!(answer.next().await, None);
}

#[tokio::test]
async fn a_body_without_an_end_is_broken_off() {
    let mut answer = answer_of(&["event: started\ndata: 1\n\n"]);
    assert_eq!(answer.next().await, Some(Event::Started));
    assert_eq!(
        kind(&end_of(&mut answer).await),
        Some(FailureKind::BrokenOff)
    );
    assert_eq!(answer.next().await, None);
}

#[tokio::test]
async fn a_failure_in_the_same_read_as_the_start_is_still_a_failed_start() {
    let mut answer = answer_of(&["event: started\ndata: 1\n\nevent: failed\ndata: no\n\n"]);
    assert_eq!(answer.until_started().await.unwrap_err().message, "no");
    let mut answer = answer_of(&["event: failed\ndata: no\n\n"]);
    assert_eq!(answer.until_started().await.unwrap_err().message, "no");
}

#[tokio::test]
async fn a_start_loses_no_event() {
    let mut answer = answer_of(&["event: completed\ndata: 1\n\n"]);
    answer.until_started().await.unwrap();
    assert_eq!(answer.next().await, Some(Event::End(End::Completed)));
    assert_eq!(answer.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn silence_between_bytes_is_bounded() {
    let mut answer = answer_at(vec![(20, "data: a\n\n"), (45, "data: b\n\n")]);
    let start = Instant::now();
    assert_eq!(
        kind(&end_of(&mut answer).await),
        Some(FailureKind::TimedOut)
    );
    assert_eq!(start.elapsed().as_secs(), 45 + IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_whole_answer_is_bounded() {
    let pieces = (1..50).map(|n| (n * 9, "data: a\n\n")).collect();
    let mut answer = answer_at(pieces);
    let start = Instant::now();
    assert_eq!(
        kind(&end_of(&mut answer).await),
        Some(FailureKind::TimedOut)
    );
    assert_eq!(start.elapsed().as_secs(), TOTAL.as_secs());
}

/// Pieces that are always at hand, a second each.
fn endless(first: &'static str, then: &'static str) -> ByteStream {
    let pieces = std::iter::once(first).chain(std::iter::repeat(then));
    Box::pin(stream::iter(pieces.map(|piece| {
        // Not waited for: time passes, and the stream is ready all the same.
        assert_eq!(
            tokio::time::advance(Duration::from_secs(1)).now_or_never(),
            None
        );
        Ok(Bytes::from_static(piece.as_bytes()))
    })))
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_never_pauses_cannot_escape_its_deadline() {
    for then in [":\n\n", "data: a\n\n", "d"] {
        let bytes = endless("event: started\ndata: 1\n\n", then);
        let mut answer = answer(bytes, Box::new(|_| ()));
        let start = Instant::now();
        assert_eq!(
            kind(&end_of(&mut answer).await),
            Some(FailureKind::TimedOut)
        );
        assert_eq!(start.elapsed().as_secs(), TOTAL.as_secs(), "{then:?}");
    }
}

#[tokio::test]
async fn a_body_that_goes_on_after_its_last_event_does_not_hold_up_the_answer() {
    let pieces =
        std::iter::once("event: completed\ndata: 1\n\n").chain(std::iter::repeat(": \n\n"));
    let bytes = stream::iter(pieces.map(|piece| Ok(Bytes::from_static(piece.as_bytes()))));
    let mut answer = answer(Box::pin(bytes), Box::new(|_| ()));
    assert_eq!(answer.next().await, Some(Event::End(End::Completed)));
    assert_eq!(answer.next().await, None);
}

#[tokio::test]
async fn an_oversized_event_is_unreadable() {
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let bytes = stream::iter(std::iter::repeat_with(move || Ok(chunk.clone())).take(20));
    let mut answer = answer(Box::pin(bytes), Box::new(|_| ()));
    assert_eq!(
        kind(&end_of(&mut answer).await),
        Some(FailureKind::Unreadable)
    );
}

#[tokio::test]
async fn dropping_reports_what_is_left() {
    async fn leftover_after(pieces: &'static [&'static str], then_silence: bool) -> (bool, bool) {
        let seen = Arc::new(Mutex::new(None));
        let on_drop = {
            let seen = Arc::clone(&seen);
            Box::new(move |left: Leftover| {
                *seen.lock().unwrap() = Some((left.ended_by_service, left.rest.is_some()));
            })
        };
        let bytes = stream::iter(
            pieces
                .iter()
                .map(|piece| Ok(Bytes::from_static(piece.as_bytes()))),
        );
        let bytes: ByteStream = if then_silence {
            Box::pin(bytes.chain(stream::pending()))
        } else {
            Box::pin(bytes)
        };
        let mut answer = answer(bytes, on_drop);
        answer.next().await;
        drop(answer);
        let seen = seen.lock().unwrap().take();
        seen.unwrap()
    }
    const TEXT: &[&str] = &["data: a\n\n"];
    const UNREADABLE: &[&str] = &["event: unreadable\ndata: {\n\n"];
    const COMPLETED: &[&str] = &["event: completed\ndata: 1\n\n"];
    assert_eq!(leftover_after(COMPLETED, false).await, (true, false));
    assert_eq!(leftover_after(COMPLETED, true).await, (true, true));
    assert_eq!(leftover_after(TEXT, true).await, (false, false));
    // An agent whose events cannot be read is stopped like one whose client has left.
    assert_eq!(leftover_after(UNREADABLE, true).await, (false, false));
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_at_its_size() {
    let piece = Bytes::from_static(b"data: x\n\n");
    let (size, asked) = (piece.len(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&asked);
    let endless = stream::repeat_with(move || {
        *counted.lock().unwrap() += 1;
        Ok(piece.clone())
    });
    let mut answer = answer_of_at_most(MOST_BYTES, Box::pin(endless), Box::new(|_| ()));
    let End::Failed(failure) = end_of(&mut answer).await else {
        panic!("it ended well");
    };
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(failure.detail.unwrap().contains("larger than 1000 bytes"));
    assert_eq!(*asked.lock().unwrap(), MOST_BYTES / size + 1);
}

/// Asks for an approval in every answer.
#[derive(Debug)]
struct AsksForEver;

impl Translator for AsksForEver {
    fn translate(
        &mut self,
        _: &str,
        _: &str,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        events.push_back(Event::Decided(Vec::new()));
        Ok(())
    }

    fn upstream_ids(&self) -> UpstreamIds {
        UpstreamIds::default()
    }
}

#[tokio::test]
async fn an_agent_that_asks_for_approvals_for_ever_is_stopped() {
    let asks =
        || -> ByteStream { Box::pin(stream::iter([Ok(Bytes::from_static(b"data: x\n\n"))])) };
    let limits = StreamLimits {
        between_bytes: IDLE,
        deadline: Instant::now() + TOTAL,
        bytes: MOST_BYTES,
    };
    let mut answer = AnswerStream::new(asks(), Box::new(AsksForEver), limits, Box::new(|_| ()));
    let answered = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&answered);
    answer.answer_approvals_with(Box::new(move |_, _| {
        *counted.lock().unwrap() += 1;
        Box::pin(std::future::ready(Ok(asks())))
    }));
    let end = end_of(&mut answer).await;
    assert_eq!(kind(&end), Some(FailureKind::ApprovalRequired));
    assert_eq!(*answered.lock().unwrap(), 32);
}
