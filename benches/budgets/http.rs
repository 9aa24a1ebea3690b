//! As much of HTTP/1.1 as the two ends of a measurement need.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

/// How long either end waits for the other. Under valgrind everything takes 20 to 50 times as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is read at once.
const READ: usize = 16 * 1024;

/// A connection and what has been read of it but not been used.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unused: Vec<u8>,
}

/// Head and body of a message.
#[derive(Debug)]
pub(crate) struct Message {
    /// The request line or status line, and the header fields.
    pub(crate) head: String,
    /// The body, without the framing of chunks.
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Without Nagle's algorithm, and with a bound on waiting.
    pub(crate) fn new(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            unused: Vec::new(),
        })
    }

    /// Sends all of it in one write.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).context("cannot send")
    }

    /// The next message, or `None` when the other end has closed the connection before it.
    pub(crate) fn message(&mut self) -> anyhow::Result<Option<Message>> {
        let Some(head) = self.head()? else {
            return Ok(None);
        };
        let body = self.body(&head)?;
        Ok(Some(Message { head, body }))
    }

    /// The head of the next message.
    pub(crate) fn head(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(end) = find(&self.unused, b"\r\n\r\n") {
                let head = self.unused.drain(..end + 4).collect();
                return Ok(Some(String::from_utf8(head)?));
            }
            if !self.read_more()? {
                ensure!(
                    self.unused.is_empty(),
                    "the connection was closed within a head"
                );
                return Ok(None);
            }
        }
    }

    /// The body that belongs to a head.
    pub(crate) fn body(&mut self, head: &str) -> anyhow::Result<Vec<u8>> {
        if field(head, "transfer-encoding").is_some() {
            return self.chunks();
        }
        let length = field(head, "content-length").map_or(Ok(0), str::parse)?;
        while self.unused.len() < length {
            self.must_read_more()?;
        }
        Ok(self.unused.drain(..length).collect())
    }

    /// Waits until `part` has come, and leaves everything to be read again.
    pub(crate) fn until(&mut self, part: &[u8]) -> anyhow::Result<()> {
        while find(&self.unused, part).is_none() {
            self.must_read_more()?;
        }
        Ok(())
    }

    fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.unused, b"\r\n") {
                    break end;
                }
                self.must_read_more()?;
            };
            let size: Vec<u8> = self.unused.drain(..end + 2).collect();
            let size = usize::from_str_radix(std::str::from_utf8(&size)?.trim(), 16)
                .context("no size of a chunk")?;
            while self.unused.len() < size + 2 {
                self.must_read_more()?;
            }
            body.extend(self.unused.drain(..size));
            self.unused.drain(..2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn must_read_more(&mut self) -> anyhow::Result<()> {
        if self.read_more()? {
            return Ok(());
        }
        bail!("the connection was closed within a message")
    }

    fn read_more(&mut self) -> anyhow::Result<bool> {
        let mut buffer = [0; READ];
        let read = self.stream.read(&mut buffer).context("nothing came")?;
        self.unused.extend(buffer.iter().take(read));
        Ok(read > 0)
    }
}

/// The value of a header field.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
