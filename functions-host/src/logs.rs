//! What the host would have logged: the handler's two streams with the host's levels, and the host's own messages.

use std::{
    collections::VecDeque,
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// The newest lines are kept, so that a long run stays within memory.
const KEPT_LINES: usize = 50_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Where it comes from.
    pub stream: LogStream,
    /// The level the host gives it.
    pub level: LogLevel,
    /// The line without its line end.
    pub text: String,
}

/// The source of a [`LogLine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// The handler's standard output.
    Stdout,
    /// The handler's standard error.
    Stderr,
    /// The host itself.
    Host,
}

/// The levels the host uses for a custom handler's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every line of stdout.
    Information,
    /// A line of stderr that contains "warn" in any case.
    Warning,
    /// Every other line of stderr.
    Error,
}

/// What a line of stderr means, by `customHandler.description.useStdErrorStreamForErrorsOnly`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StderrRule {
    /// `true`, the default: an error unless it says "warn".
    ErrorsOnly,
    /// `false`: an error only if its words say so.
    ByWords,
}

impl StderrRule {
    /// The level of one line of stderr.
    pub(crate) fn level(self, line: &str) -> LogLevel {
        let line = line.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
        if says(&["warn"]) {
            return LogLevel::Warning;
        }
        match self {
            Self::ErrorsOnly => LogLevel::Error,
            Self::ByWords if says(&["error", "fail", "severe", "unhandled exception"]) => {
                LogLevel::Error
            }
            Self::ByWords => LogLevel::Information,
        }
    }
}

/// The log of one stand-in.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: Mutex<VecDeque<LogLine>>,
    written: watch::Sender<u64>,
    echo: bool,
}

impl Logs {
    /// An empty log; with `echo` every line also goes to the console.
    pub(crate) fn new(echo: bool) -> Self {
        Self {
            lines: Mutex::default(),
            written: watch::Sender::new(0),
            echo,
        }
    }

    /// A message of the host itself.
    pub(crate) fn host(&self, level: LogLevel, text: impl Into<String>) {
        self.write(LogLine {
            stream: LogStream::Host,
            level,
            text: text.into(),
        });
    }

    /// Adds a line.
    pub(crate) fn write(&self, line: LogLine) {
        if self.echo {
            echo(&line);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        self.written.send_modify(|count| *count += 1);
    }

    /// A copy of the kept lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// Waits until a line, old or new, satisfies `wanted`; false after `limit`.
    pub(crate) async fn wait_for(
        &self,
        mut wanted: impl FnMut(&LogLine) -> bool,
        limit: Duration,
    ) -> bool {
        let mut written = self.written.subscribe();
        let found = written.wait_for(|_| self.lines().iter().any(&mut wanted));
        tokio::time::timeout(limit, found).await.is_ok()
    }
}

/// A console that is gone is not worth an error: the line is kept all the same.
fn echo(line: &LogLine) {
    let text = format!("[{:?}] {}\n", line.level, line.text);
    drop(match line.stream {
        LogStream::Stdout | LogStream::Host => std::io::stdout().write_all(text.as_bytes()),
        LogStream::Stderr => std::io::stderr().write_all(text.as_bytes()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_is_an_error_unless_it_warns() {
        let rule = StderrRule::ErrorsOnly;
        assert_eq!(rule.level("listening"), LogLevel::Error);
        assert_eq!(rule.level("a Warning: low disk"), LogLevel::Warning);
    }

    #[test]
    fn stderr_is_judged_by_words_when_the_app_says_so() {
        let rule = StderrRule::ByWords;
        assert_eq!(rule.level("listening"), LogLevel::Information);
        assert_eq!(rule.level("WARN no cache"), LogLevel::Warning);
        assert_eq!(rule.level("Unhandled exception"), LogLevel::Error);
    }
}
