use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

const LIMIT: Duration = Duration::from_secs(60);
const NEARLY: Duration = Duration::from_millis(59_999);
/// What the pipe between the two holds.
const ROOM: usize = 4;

fn pipe() -> (ClientStream<DuplexStream>, DuplexStream) {
    let (server, client) = tokio::io::duplex(ROOM);
    (ClientStream::new(server, LIMIT), client)
}

async fn after(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up_exactly_when_the_limit_is_over() {
    let (mut stream, _client) = pipe();
    let start = Instant::now();
    let written = serving(async {
        let written = stream.write_all(b"more than there is room for").await;
        assert!(has_stopped_reading(), "whoever logs this knows why");
        written
    });
    assert_eq!(written.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed(), LIMIT);
    assert!(
        !has_stopped_reading(),
        "it is told of this connection alone"
    );
}

#[tokio::test(start_paused = true)]
async fn every_byte_that_is_taken_begins_the_wait_anew() {
    let (mut stream, mut client) = pipe();
    let text = b"twelve bytes";
    let writing = stream.write_all(text);
    let reading = async {
        for byte in text {
            after(NEARLY).await;
            assert_eq!(client.read_u8().await.unwrap(), *byte);
        }
    };
    let (written, ()) = tokio::join!(writing, reading);
    written.unwrap();
    assert!(!has_stopped_reading());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_timed_while_no_write_waits() {
    let (mut stream, mut client) = pipe();
    for _ in 0..3 {
        stream.write_all(b"fits").await.unwrap();
        assert!(stream.waiting.is_none());
        // It lies in the pipe: that nobody reads it is no matter of this stream's.
        after(LIMIT * 10).await;
        let mut taken = [0; ROOM];
        client.read_exact(&mut taken).await.unwrap();
    }
    // A write that had to wait leaves no timer behind.
    let (written, ()) = tokio::join!(stream.write_all(b"fits, and more"), async {
        let mut taken = [0; 14];
        after(LIMIT / 2).await;
        client.read_exact(&mut taken).await.unwrap();
    });
    written.unwrap();
    assert!(stream.waiting.is_none());
    after(LIMIT * 10).await;
    stream.write_all(b"fits").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn reading_from_the_client_is_not_timed_here() {
    let (mut stream, mut client) = pipe();
    let (read, ()) = tokio::join!(stream.read_u8(), async {
        after(LIMIT * 10).await;
        client.write_u8(7).await.unwrap();
    });
    assert_eq!(read.unwrap(), 7);
}
