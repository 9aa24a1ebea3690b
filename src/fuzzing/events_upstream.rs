//! Upstream events to events of the waist, by the translator itself and by the whole [`AnswerStream`].

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    agent::{
        AnswerStream, End, Event, Failure, Translator,
        file::Download,
        presentation::Presentation,
        stream::{ByteStream, StreamLimits},
    },
    sse::Decoder,
};

/// Most bytes of an input that are read as one event.
const MAX_EVENT_BYTES: usize = 1 << 20;
/// No input comes near it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Reads all bodies of an answer with one translator, and asserts what holds for each upstream event:
///
/// - at most one end, or one set of decisions, and nothing after it,
/// - [`Event::Started`] at most once,
/// - calls are numbered from 0, and arguments belong to a call that has begun,
/// - where `sums_usage`, usage never shrinks: that of a further body comes on top.
pub(super) fn check_translator(
    mut translator: Box<dyn Translator>,
    bodies: &[&[u8]],
    sums_usage: bool,
) {
    let (mut started, mut calls, mut total) = (false, 0, 0);
    for body in bodies {
        let mut over = false;
        let mut decoder = Decoder::new(MAX_EVENT_BYTES);
        // A body that breaks off is one that has been read so far.
        let _broken_off = decoder.feed(body, |name, data| {
            if over {
                return;
            }
            let mut events = VecDeque::new();
            if translator.translate(name, data, &mut events).is_err() {
                over = true;
                return;
            }
            for (index, event) in events.iter().enumerate() {
                let is_last = index + 1 == events.len();
                match event {
                    Event::Started => assert!(!std::mem::replace(&mut started, true), "two starts"),
                    Event::ToolCall { index, .. } => {
                        assert_eq!(*index, calls, "calls are numbered in order");
                        calls += 1;
                    }
                    Event::ToolCallArguments { index, .. } => {
                        assert!(*index < calls, "arguments of no call");
                    }
                    Event::Usage(usage) => {
                        assert!(total <= usage.total || !sums_usage, "usage shrinks");
                        total = usage.total;
                    }
                    Event::End(_) | Event::Decided(_) => {
                        assert!(is_last, "{name}: something follows the end: {events:?}");
                        over = true;
                    }
                    _ => {}
                }
            }
        });
    }
}

/// How the answer is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Length of the pieces in which the bytes come.
    pub(super) piece: usize,
    /// Whether markers of citations are cut out.
    pub(super) strip_markers: bool,
}

/// The whole answer, with pieces of text that follow each other joined; each further body answers approvals.
///
/// Asserts that the end comes, that it comes last and once.
pub(super) fn read_answer(
    translator: Box<dyn Translator>,
    bodies: &[&[u8]],
    reading: Reading,
) -> Vec<Event> {
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let read = async {
        let mut bodies = bodies.iter().map(|body| pieces(body, reading.piece));
        let limits = StreamLimits {
            between_bytes: PATIENCE,
            deadline: Instant::now() + PATIENCE,
            bytes: usize::MAX,
        };
        let first = bodies.next().unwrap_or_else(|| pieces(b"", 1));
        let mut answer = AnswerStream::new(first, translator, limits, Box::new(|_| {}));
        let share = |_: &_, name: &str| Download {
            id: "file-1".to_owned(),
            url: "https://gateway.example/v1/files/file-1/content".to_owned(),
            name: name.to_owned(),
        };
        answer.present(Presentation::new(
            reading.strip_markers,
            true,
            true,
            Box::new(share),
        ));
        let mut further: VecDeque<ByteStream> = bodies.collect();
        answer.answer_approvals_with(Box::new(move |_, _| {
            let body = further.pop_front();
            Box::pin(async { body.ok_or_else(|| Failure::broken_off("no further body")) })
        }));
        let mut events = Vec::new();
        while let Some(event) = answer.next().await {
            push_joined(&mut events, event);
        }
        assert!(answer.next().await.is_none(), "something after the end");
        events
    };
    let events = RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(new_runtime);
        runtime.block_on(read)
    });
    let is_end = |event: &Event| matches!(event, Event::End(_));
    let ends = events.iter().filter(|event| is_end(event)).count();
    assert!(
        ends == 1 && events.last().is_some_and(is_end),
        "one end, and last: {events:?}"
    );
    events
}

/// How an answer ended.
pub(super) fn end_of(events: &[Event]) -> Option<&End> {
    match events.last() {
        Some(Event::End(end)) => Some(end),
        _ => None,
    }
}

#[expect(clippy::expect_used, reason = "without a runtime nothing can be tried")]
fn new_runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

fn pieces(body: &[u8], length: usize) -> ByteStream {
    let pieces: Vec<_> = body
        .chunks(length)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    Box::pin(stream::iter(pieces))
}

/// How many pieces a text comes in says nothing.
fn push_joined(events: &mut Vec<Event>, event: Event) {
    match (events.last_mut(), &event) {
        (Some(Event::Text(text)), Event::Text(more))
        | (Some(Event::Refusal(text)), Event::Refusal(more))
        | (Some(Event::Reasoning(text)), Event::Reasoning(more)) => text.push_str(more),
        _ => events.push(event),
    }
}
