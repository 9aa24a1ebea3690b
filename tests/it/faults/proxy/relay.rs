//! Passes bytes on in both directions, until an answer is to be struck.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{How, Place, Shared, commit, connections::Connection};

/// The gateway's end, in clear or over TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The connection below.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(super) async fn relay(mut client: impl Stream, shared: &Shared, connection: &Connection) {
    let Ok(mut service) = TcpStream::connect(shared.backend).await else {
        return;
    };
    let (mut sent, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut request = String::new();
    loop {
        tokio::select! {
            read = client.read(&mut sent) => match read {
                Ok(0) | Err(_) => return,
                Ok(size) => {
                    if let Some(line) = request_line(&sent[..size]) {
                        connection.asked(&line);
                        request = line;
                    }
                    if service.write_all(&sent[..size]).await.is_err() {
                        return commit::end(client, How::Close).await;
                    }
                }
            },
            read = service.read(&mut answered) => match read {
                Ok(0) => return commit::end(client, How::Close).await,
                Err(_) => return commit::end(client, How::Reset).await,
                Ok(size) => {
                    if let Some((place, how)) = shared.strikes_answer_to(&request) {
                        connection.struck();
                        return strike(client, service, &answered[..size], place, how).await;
                    }
                    if client.write_all(&answered[..size]).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}

async fn strike(
    mut client: impl Stream,
    mut service: TcpStream,
    first: &[u8],
    place: Place,
    how: How,
) {
    if place == Place::Head {
        return commit::in_place_of_head(client, service, first, how).await;
    }
    let mut answer = first.to_vec();
    let cut = loop {
        if let Some(cut) = cut_at(&answer, place) {
            break cut;
        }
        let mut more = vec![0; 64 << 10];
        let size = service.read(&mut more).await.unwrap_or_default();
        assert!(size != 0, "the answer has no such place: {place:?}");
        answer.extend_from_slice(&more[..size]);
    };
    if client.write_all(&answer[..cut]).await.is_ok() {
        commit::within_stream(client, how).await;
    }
}

/// Between two chunks of a body, at which the emulator's events begin and end.
fn cut_at(answer: &[u8], place: Place) -> Option<usize> {
    let find = |part: &[u8], from: usize| {
        let rest = answer.get(from..)?;
        let at = rest.windows(part.len()).position(|it| it == part)?;
        Some(from + at)
    };
    match place {
        Place::Head => Some(0),
        Place::After(event) => {
            let event = find(format!("event: {event}\n").as_bytes(), 0)?;
            let end = b"\n\n\r\n";
            Some(find(end, event)? + end.len())
        }
        Place::Before(event) => {
            let event = find(format!("event: {event}\n").as_bytes(), 0)?;
            // The line before it is the size of its chunk.
            let line = answer[..event - 2]
                .iter()
                .rposition(|byte| *byte == b'\n')?;
            Some(line + 1)
        }
    }
}

/// The first line of a request that begins here.
fn request_line(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.ends_with(" HTTP/1.1").then(|| line.to_owned())
}
