//! How requests are framed on the wire: probes over raw sockets, what each is answered with, and whether the
//! connection goes on.
//!
//! A gateway that reads a request's end elsewhere than the proxy before it lets one caller write another's request.
//! So every probe is followed, in the same write, by a second request: it must be answered where the first one's end
//! is beyond doubt, and must never be answered where it is not.

use std::fmt::Write;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
};

use crate::support::{Gateway, KEY, SOON, emulator, emulator_and_gateway};

const QUESTION: &str = r#"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#;
const FOLLOW_UP: &str = "GET /healthz HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";

/// A chat completion request with these header lines, each ended, and this body.
fn chat(header_lines: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\napi-key: {KEY}\r\n{header_lines}\r\n{body}"
    )
}

/// The question with its right length, and these header lines beside it.
fn question(header_lines: &str) -> String {
    let length = QUESTION.len();
    chat(
        &format!("content-length: {length}\r\n{header_lines}"),
        QUESTION,
    )
}

/// The question in chunks, with these header lines.
fn chunked_question(header_lines: &str) -> String {
    chat(header_lines, &chunked(QUESTION, 7))
}

fn chunked(body: &str, chunk_size: usize) -> String {
    let mut chunks = String::new();
    for chunk in body.as_bytes().chunks(chunk_size) {
        let text = std::str::from_utf8(chunk).unwrap();
        write!(chunks, "{:x}\r\n{text}\r\n", text.len()).unwrap();
    }
    chunks + "0\r\n\r\n"
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: gateway\r\n\r\n")
}

/// A probe, and the status of every answer on its connection. The last 200 of two is the follow-up's.
type Probe = (&'static str, String, &'static [u16]);

const CHUNKED: &str = "transfer-encoding: chunked\r\n";

/// Answered, and the follow-up too.
const GOES_ON: &[u16] = &[200, 200];
/// Answered once, then closed.
const ENDS: &[u16] = &[200];
/// Refused, then closed.
const REFUSED: &[u16] = &[400];

#[rustfmt::skip] // One probe a line.
fn probes() -> Vec<Probe> {
    let length = QUESTION.len();
    let both = format!("content-length: {length}\r\n{CHUNKED}");
    let http_1_0 = |request: String| request.replacen("HTTP/1.1", "HTTP/1.0", 1);
    let many_headers = "x-again: 1\r\n".repeat(120);
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000));
    let long_body = "x".repeat(3 << 20);
    vec![
        // What clients send.
        ("a length",                   question(""), GOES_ON),
        ("chunks",                     chunked_question(CHUNKED), GOES_ON),
        ("a chunk for each byte",      chat(CHUNKED, &chunked(QUESTION, 1)), GOES_ON),
        ("an absolute-form target",    get("http://elsewhere.example/healthz"), GOES_ON),
        ("a query",                    get("/healthz?api-version=2024-10-21"), GOES_ON),
        ("a URL of 10 kB",             get(&format!("/{}", "x".repeat(10_000))), &[404, 200]),
        ("an offer to upgrade",        question("connection: upgrade\r\nupgrade: h2c\r\n"), GOES_ON),
        ("lines that end in LF alone", question("").replace("\r\n", "\n"), GOES_ON),
        ("a request to close",         question("connection: close\r\n"), ENDS),
        ("HTTP/1.0",                   http_1_0(question("")), ENDS),
        // Where the body ends is in doubt.
        ("a length and chunks",        chunked_question(&both), ENDS),
        ("two lengths",                question("content-length: 5\r\n"), REFUSED),
        ("a length with a sign",       chat(&format!("content-length: +{length}\r\n"), QUESTION), REFUSED),
        ("a negative length",          chat("content-length: -1\r\n", QUESTION), REFUSED),
        ("an unknown encoding",        chunked_question("transfer-encoding: xchunked\r\n"), REFUSED),
        ("chunked, then identity",     chunked_question("transfer-encoding: chunked, identity\r\n"), REFUSED),
        ("chunks in HTTP/1.0",         http_1_0(chunked_question(CHUNKED)), REFUSED),
        ("a chunk size that is none",  chat(CHUNKED, "zz\r\nhello\r\n0\r\n\r\n"), REFUSED),
        ("a chunk of over 64 bits",    chat(CHUNKED, "fffffffffffffffff\r\n"), REFUSED),
        ("a chunk extension of 20 kB", chat(CHUNKED, &long_extension), REFUSED),
        ("more than the length says",  question("") + "}", &[200, 400]),
        // Headers that are none.
        ("a folded header",            question("x-folded: one\r\n two\r\n"), REFUSED),
        ("a space before the colon",   question("x-spaced : one\r\n"), REFUSED),
        ("a NUL in a value",           question("x-nul: a\0b\r\n"), REFUSED),
        ("120 headers",                question(&many_headers), &[431]),
        // Other protocols.
        ("HTTP/2",                     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("TLS",                        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(), REFUSED),
        // Too much; a body is read to its end all the same, so that the connection can be used again.
        ("a URL of 70 kB",             get(&format!("/{}", "x".repeat(70_000))), &[414]),
        ("a body over the limit",      chat("content-length: 3145728\r\n", &long_body), &[413, 200]),
        ("the same in chunks",         chat(CHUNKED, &chunked(&long_body, 1 << 16)), &[413, 200]),
    ]
}

#[tokio::test]
async fn every_probe_is_answered_as_its_framing_deserves() {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let limit = [("GATEWAY_MAX_BODY_BYTES", "1048576")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &limit).await;
    let mut wrong = Vec::new();
    for (name, request, expected) in probes() {
        let answers = exchange(&gateway, &(request + FOLLOW_UP)).await;
        if statuses(&answers) != expected {
            wrong.push(format!("{name}: {expected:?} expected, got {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Everything that the gateway answers until it closes the connection.
async fn exchange(gateway: &Gateway, requests: &str) -> Vec<String> {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    // The gateway may close before it has taken everything, which fails the write and nothing else.
    let sent = async { drop(writer.write_all(requests.as_bytes()).await) };
    let (text, ()) = tokio::join!(until_closed(reader), sent);
    answers_of(&text)
}

/// A reset is an end too: the kernel sends one for a connection that is closed with bytes unread.
async fn until_closed(mut reader: OwnedReadHalf) -> String {
    let mut read = Vec::new();
    let reading = tokio::time::timeout(SOON, reader.read_to_end(&mut read)).await;
    let text = String::from_utf8(read).unwrap();
    if let Err(error) = reading.unwrap_or_else(|_| panic!("still open after {text:?}")) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{text}");
    }
    text
}

/// Cuts answers apart by their `content-length`; none of the gateway's whole answers is chunked.
fn answers_of(mut text: &str) -> Vec<String> {
    let mut answers = Vec::new();
    while let Some(head) = text.find("\r\n\r\n") {
        let end = head + 4 + content_length(&text[..head]);
        answers.push(text[..end].to_owned());
        text = &text[end..];
    }
    assert_eq!(text, "", "half an answer");
    answers
}

fn content_length(head: &str) -> usize {
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    value.map_or(0, |length| length.parse().unwrap())
}

fn statuses(answers: &[String]) -> Vec<u16> {
    let status = |answer: &String| answer.split(' ').nth(1).unwrap().parse().unwrap();
    answers.iter().map(status).collect()
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let requests = question("x-request-id: first\r\n")
        + "GET /v1/nothing HTTP/1.1\r\nhost: gateway\r\nx-request-id: second\r\n\r\n"
        + &chunked_question(&format!("{CHUNKED}x-request-id: third\r\n"))
        + FOLLOW_UP;
    let answers = exchange(&gateway, &requests).await;
    assert_eq!(statuses(&answers), [200, 404, 200, 200]);
    for (answer, id) in answers.iter().zip(["first", "second", "third"]) {
        let header = format!("\r\nx-request-id: {id}\r\n");
        assert!(answer.contains(&header), "{id}: {answer}");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let key = format!("api-key: {KEY}\r\n");
    for (path, headers) in [("/", ""), ("/healthz", ""), ("/v1/models", key.as_str())] {
        let mut connection = TcpStream::connect(gateway.address).await.unwrap();
        let request = format!(
            "HEAD {path} HTTP/1.1\r\nhost: gateway\r\n{headers}\r\n\
             GET {path} HTTP/1.1\r\nhost: gateway\r\n{headers}connection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let text = until_closed(connection.into_split().0).await;
        let (head, get) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {text}");
        assert!(get.starts_with("HTTP/1.1 200 "), "{path}: {text}");
        assert!(0 < content_length(head), "{path}: {text}");
        assert_eq!(content_length(head), content_length(get), "{path}");
    }
}

/// Sends the head of a request that waits for `100 Continue`, and gives what comes back before any body is sent.
async fn expecting(gateway: &Gateway, head: &str) -> (TcpStream, String) {
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    let reading = async {
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(connection.read_u8().await.unwrap()));
        }
    };
    tokio::time::timeout(SOON, reading).await.unwrap();
    (connection, text)
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_and_answered() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let request = question("expect: 100-continue\r\n");
    let head = request.strip_suffix(QUESTION).unwrap();
    let (mut connection, first) = expecting(&gateway, head).await;
    assert_eq!(first, "HTTP/1.1 100 Continue\r\n\r\n");
    let rest = format!("{QUESTION}{FOLLOW_UP}");
    connection.write_all(rest.as_bytes()).await.unwrap();
    let answers = answers_of(&until_closed(connection.into_split().0).await);
    assert_eq!(statuses(&answers), GOES_ON);
}

#[tokio::test]
async fn a_client_that_asks_first_is_spared_a_body_that_would_be_refused() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let too_long = 1_u64 << 40;
    let expects = "expect: 100-continue\r\n";
    let rows = [
        ("401", question(expects).replace(KEY, "a-wrong-key-0123")),
        ("404", question(expects).replace("/v1/chat", "/v2/chat")),
        (
            "413",
            chat(
                &format!("{expects}content-length: {too_long}\r\n"),
                QUESTION,
            ),
        ),
    ];
    for (status, request) in rows {
        let head = request.strip_suffix(QUESTION).unwrap();
        let (mut connection, first) = expecting(&gateway, head).await;
        assert!(
            first.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {first}"
        );
        // What would follow is a body to the client and a request to whoever forgot that.
        connection.write_all(FOLLOW_UP.as_bytes()).await.unwrap();
        let rest = until_closed(connection.into_split().0).await;
        assert_eq!(rest.len(), content_length(&first), "{status}: {rest}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_asks_no_agent() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let chunks = chunked_question(CHUNKED);
    for request in [question(""), chunks] {
        let mut connection = TcpStream::connect(gateway.address).await.unwrap();
        let half = request.len() - 20;
        connection
            .write_all(&request.as_bytes()[..half])
            .await
            .unwrap();
        connection.shutdown().await.unwrap();
        let answers = answers_of(&until_closed(connection.into_split().0).await);
        assert_eq!(statuses(&answers), REFUSED);
        assert!(answers[0].contains("incomplete_body"), "{answers:?}");
    }
    assert_eq!(emulator.journal().requests(), []);
}

/// Slower than the whole request may take, faster than any pause between two bytes would be noticed.
const BETWEEN_BYTES: std::time::Duration = std::time::Duration::from_millis(20);

#[tokio::test]
async fn headers_that_trickle_or_stop_are_cut_off_on_every_request_of_a_connection() {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let short = [("GATEWAY_HEADER_TIMEOUT_SECONDS", "0.3")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &short).await;
    let trickled = get(&format!("/healthz?{}", "x".repeat(200)));
    let at_once = get("/healthz");
    let rows = [
        (
            "half a head",
            "",
            "GET /healthz HTTP/1.1\r\nhost: ",
            &[][..],
        ),
        ("a head that trickles", "", trickled.as_str(), &[]),
        ("half a second head", at_once.as_str(), "GET /hea", &[200]),
        (
            "a second head that trickles",
            at_once.as_str(),
            trickled.as_str(),
            &[200],
        ),
        ("an idle connection", at_once.as_str(), "", &[200]),
    ];
    for (name, at_once, trickle, expected) in rows {
        let stream = TcpStream::connect(gateway.address).await.unwrap();
        let (reader, mut writer) = stream.into_split();
        writer.write_all(at_once.as_bytes()).await.unwrap();
        let trickling = async {
            for byte in trickle.as_bytes() {
                tokio::time::sleep(BETWEEN_BYTES).await;
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        };
        let (text, ()) = tokio::join!(until_closed(reader), trickling);
        assert_eq!(statuses(&answers_of(&text)), expected, "{name}: {text}");
    }
}
