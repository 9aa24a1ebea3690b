//! How an answer is shown to its caller: citation markers kept or stripped, files that the agent made linked.
//!
//! This comes between the reading of an answer and everything that uses it, so that what is remembered of an answer
//! is what its client saw.

mod markers;

use std::{collections::VecDeque, fmt};

use self::markers::MarkerStripper;
use super::{
    Citation, End, Event,
    event::{MESSAGE_SEPARATOR, Source},
    file::{Download, MadeFile, UpstreamFile},
};

/// Makes an address under which one caller can download a file.
pub type Share = Box<dyn Fn(&UpstreamFile, &str) -> Download + Send>;

/// Shows one answer. Pure: events in, events out.
pub struct Presentation {
    markers: Option<MarkerStripper>,
    share: Share,
    /// Whether links to files may be added to the text, which would spoil JSON.
    links_in_text: bool,
    /// Whether the service keeps the response, so that images in it can be read later.
    kept: bool,
    /// Code points of text that have left.
    text_length: usize,
    files: Vec<MadeFile>,
}

impl fmt::Debug for Presentation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Presentation")
            .field("markers", &self.markers)
            .field("links_in_text", &self.links_in_text)
            .finish_non_exhaustive()
    }
}

impl Presentation {
    /// Strips markers if `strip_markers`, and links files under addresses that `share` makes.
    pub fn new(strip_markers: bool, links_in_text: bool, kept: bool, share: Share) -> Self {
        Self {
            markers: strip_markers.then(MarkerStripper::default),
            share,
            links_in_text,
            kept,
            text_length: 0,
            files: Vec::new(),
        }
    }

    /// Takes the next event and appends what is shown of it.
    pub fn show(&mut self, event: Event, shown: &mut VecDeque<Event>) {
        match event {
            Event::Text(text) => {
                let text = match &mut self.markers {
                    Some(markers) => markers.strip(text),
                    None => text,
                };
                self.show_text(text, shown);
            }
            Event::Citation(citation) => {
                let citation = self.show_citation(citation);
                shown.push_back(Event::Citation(citation));
            }
            Event::File(file) => self.collect(file),
            Event::End(end) => {
                let rest = self.markers.as_mut().map(MarkerStripper::rest);
                self.show_text(rest.unwrap_or_default(), shown);
                if !matches!(end, End::Failed(_)) {
                    self.show_files(shown);
                }
                shown.push_back(Event::End(end));
            }
            other => shown.push_back(other),
        }
    }

    fn show_text(&mut self, text: String, shown: &mut VecDeque<Event>) {
        if !text.is_empty() {
            self.text_length += text.chars().count();
            shown.push_back(Event::Text(text));
        }
    }

    fn show_citation(&mut self, citation: Citation) -> Citation {
        let place = |index| match &self.markers {
            Some(markers) => markers.place(index),
            None => index,
        };
        let (start, end) = (place(citation.start), place(citation.end));
        let source = match citation.source {
            Source::Made(file) => {
                let download = (self.share)(&file.file, &file.name);
                self.collect(file);
                Source::Download(download)
            }
            source => source,
        };
        Citation { start, end, source }
    }

    fn collect(&mut self, file: MadeFile) {
        if !self.files.iter().any(|known| known.file == file.file) {
            self.files.push(file);
        }
    }

    /// Links every file at the end of the text, each once.
    fn show_files(&mut self, shown: &mut VecDeque<Event>) {
        for file in std::mem::take(&mut self.files) {
            let download = (self.share)(&file.file, &file.name);
            let readable_later = self.kept || !matches!(file.file, UpstreamFile::Image { .. });
            let address = match &file.content {
                Some(content) if !readable_later => format!("data:image/png;base64,{content}"),
                _ => download.url.clone(),
            };
            let start = if self.links_in_text {
                if 0 < self.text_length {
                    self.show_text(MESSAGE_SEPARATOR.to_owned(), shown);
                }
                let start = self.text_length;
                let mark = if file.is_image { "!" } else { "" };
                self.show_text(format!("{mark}[{}]({address})", file.name), shown);
                start
            } else {
                self.text_length
            };
            if readable_later {
                shown.push_back(Event::Citation(Citation {
                    start,
                    end: self.text_length,
                    source: Source::Download(download),
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
