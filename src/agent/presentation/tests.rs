use super::*;
use crate::agent::{Failure, FailureKind};

fn presentation(strip: bool, links_in_text: bool, kept: bool) -> Presentation {
    let share = |file: &UpstreamFile, name: &str| Download {
        id: format!("{file:?}"),
        url: "https://gateway/f".to_owned(),
        name: name.to_owned(),
    };
    Presentation::new(strip, links_in_text, kept, Box::new(share))
}

fn shown(mut presentation: Presentation, events: Vec<Event>) -> Vec<Event> {
    let mut shown = VecDeque::new();
    for event in events {
        presentation.show(event, &mut shown);
    }
    shown.into()
}

fn text_of(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn citations_of(events: &[Event]) -> Vec<(usize, usize)> {
    let citations = events.iter().filter_map(|event| match event {
        Event::Citation(citation) => Some((citation.start, citation.end)),
        _ => None,
    });
    citations.collect()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn cited(start: usize, end: usize, source: Source) -> Event {
    Event::Citation(Citation { start, end, source })
}

fn url() -> Source {
    Source::Url {
        url: "https://example.com".to_owned(),
        title: String::new(),
    }
}

fn made(is_image: bool, content: Option<&str>) -> MadeFile {
    MadeFile {
        file: UpstreamFile::Image {
            response: "resp_1".to_owned(),
            item: "ig_1".to_owned(),
        },
        name: "chart.png".to_owned(),
        is_image,
        content: content.map(str::to_owned),
    }
}

#[test]
fn markers_stay_unless_they_are_stripped() {
    let events = vec![
        text("3.14【4:0†sou"),
        text("rce】."),
        cited(4, 16, url()),
        Event::End(End::Completed),
    ];
    let kept = shown(presentation(false, true, true), events.clone());
    assert_eq!(text_of(&kept), "3.14【4:0†source】.");
    assert_eq!(citations_of(&kept), [(4, 16)]);
    let stripped = shown(presentation(true, true, true), events);
    assert_eq!(text_of(&stripped), "3.14.");
    assert_eq!(citations_of(&stripped), [(4, 4)]);
}

#[test]
fn a_file_is_linked_once_at_the_end_and_cited_where_it_was() {
    let events = vec![
        text("See it."),
        cited(0, 3, Source::Made(made(true, None))),
        Event::File(made(true, None)),
        Event::End(End::Completed),
    ];
    let shown = shown(presentation(true, true, true), events);
    assert_eq!(
        text_of(&shown),
        "See it.\n\n![chart.png](https://gateway/f)"
    );
    assert_eq!(citations_of(&shown), [(0, 3), (9, 40)]);
}

#[test]
fn an_image_that_nobody_keeps_is_shown_whole() {
    let events = vec![
        Event::File(made(true, Some("AAAA"))),
        Event::End(End::Completed),
    ];
    let shown = shown(presentation(false, true, false), events);
    assert_eq!(text_of(&shown), "![chart.png](data:image/png;base64,AAAA)");
    assert_eq!(citations_of(&shown), []);
}

#[test]
fn json_is_not_spoiled_and_a_failed_answer_links_nothing() {
    let events = vec![
        text("{}"),
        Event::File(made(false, None)),
        Event::End(End::Completed),
    ];
    let json = shown(presentation(false, false, true), events);
    assert_eq!(text_of(&json), "{}");
    assert_eq!(citations_of(&json), [(2, 2)]);
    let failed = End::Failed(Failure::new(FailureKind::AgentFailed, "failed"));
    let events = vec![
        text("a【"),
        Event::File(made(false, None)),
        Event::End(failed),
    ];
    assert_eq!(
        text_of(&shown(presentation(true, true, true), events)),
        "a【"
    );
}

#[test]
fn an_image_that_can_be_fetched_later_is_linked_and_not_written_out() {
    let events = vec![
        Event::File(made(true, Some("AAAA"))),
        Event::End(End::Completed),
    ];
    let kept = text_of(&shown(presentation(false, true, true), events.clone()));
    assert_eq!(kept, "![chart.png](https://gateway/f)");
    let not_kept = text_of(&shown(presentation(false, true, false), events));
    assert_eq!(not_kept, "![chart.png](data:image/png;base64,AAAA)");
}
