//! What the gateway of this test logs, where it runs in the test's own thread.

use std::{
    fmt, io,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{Dispatch, subscriber::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

/// The log from here on; as long as this is there, and in this thread alone.
pub(crate) struct CapturedLog {
    text: Text,
    _subscribed: DefaultGuard,
}

#[derive(Debug, Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Takes down what this thread logs, at level info and above.
    pub(crate) fn of_this_thread() -> Self {
        // While there is one subscriber alone, the library asks the thread that first comes to a place in the code
        // whether anybody listens there, and believes it for all threads.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(tracing_subscriber::fmt().finish()));
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(text.clone())
            .with_ansi(false)
            .finish();
        Self {
            text,
            _subscribed: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines that have `part`.
    pub(crate) fn lines_with(&self, part: &str) -> Vec<String> {
        let text = self.text.0.lock().unwrap();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| line.contains(part));
        lines.map(str::to_owned).collect()
    }
}

impl fmt::Debug for CapturedLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines_with("").join("\n"))
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Text {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
