//! The table itself. `docs/faults.md` says the same in words, and is held to it.

use std::fmt;

/// One row a fault. `asked` counts the requests for an answer that the agent service read. `again` is whether an SDK
/// may repeat a request that got an error status: `no` where it is told not to, because the agent may have run.
/// `answer` and `stream` are what a request without and with `stream` gets, from new and from classic agents alike: an
/// HTTP status and the code of the error, where 200 means that the error comes as the last event; or `200 stop`, the
/// whole answer.
///
/// At stage `created` the service has taken the request but no agent has shown a sign of work, so that the status
/// of a streamed answer is still open.
const TABLE: &str = "
stage     fault              asked  again  answer                              stream
connect   refuse             0      yes    502 upstream_unreachable            502 upstream_unreachable
connect   stall              0      yes    502 upstream_unreachable            502 upstream_unreachable

tls       alert              0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       reset              0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       close              0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       stall              0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       slow               0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       garbage            0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       truncated          0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       oversized          0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       another_name       0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       unknown_authority  0      yes    502 upstream_unreachable            502 upstream_unreachable
tls       expired            0      yes    502 upstream_unreachable            502 upstream_unreachable

accept    reset              0      no     502 upstream_broken_off             502 upstream_broken_off
accept    close              0      no     502 upstream_broken_off             502 upstream_broken_off
accept    stall              0      no     504 upstream_timeout                504 upstream_timeout

headers   reset              1      no     502 upstream_broken_off             502 upstream_broken_off
headers   close              1      no     502 upstream_broken_off             502 upstream_broken_off
headers   stall              1      no     504 upstream_timeout                504 upstream_timeout
headers   slow_head          1      no     504 upstream_timeout                504 upstream_timeout
headers   slow               1      no     504 upstream_timeout                504 upstream_timeout
headers   garbage            1      no     502 upstream_broken_off             502 upstream_broken_off
headers   truncated          1      no     502 upstream_broken_off             502 upstream_broken_off
headers   huge_head          1      no     502 upstream_broken_off             502 upstream_broken_off
headers   html               1      no     502 upstream_broken_off             502 upstream_broken_off
headers   malformed          1      no     502 upstream_unreadable             502 upstream_unreadable
headers   unknown_event      1      -      200 stop                            200 stop
headers   error_event        1      no     502 agent_failed                    502 agent_failed
headers   oversized:100000   1      -      200 stop                            200 stop
headers   oversized:17000000 1      no     502 upstream_unreadable             502 upstream_unreadable
headers   status:500         1      yes    502 upstream_failed                 502 upstream_failed
headers   status:502         1      yes    502 upstream_failed                 502 upstream_failed
headers   status:503         3      yes    503 upstream_unavailable            503 upstream_unavailable
headers   status:504         1      no     504 upstream_timeout                504 upstream_timeout
headers   status:429         3      yes    429 rate_limit_exceeded             429 rate_limit_exceeded
headers   status:429:7       1      yes    429 rate_limit_exceeded             429 rate_limit_exceeded

created   reset              1      no     502 upstream_broken_off             502 upstream_broken_off
created   close              1      no     502 upstream_broken_off             502 upstream_broken_off
created   truncated          1      no     502 upstream_broken_off             502 upstream_broken_off
created   eof                1      no     502 upstream_broken_off             502 upstream_broken_off
created   stall              1      no     504 upstream_timeout                504 upstream_timeout
created   slow               1      no     504 upstream_timeout                504 upstream_timeout
created   flood              1      no     504 upstream_timeout                504 upstream_timeout
created   garbage            1      no     502 upstream_broken_off             502 upstream_broken_off
created   not_utf8           1      no     502 upstream_unreadable             502 upstream_unreadable
created   malformed          1      no     502 upstream_unreadable             502 upstream_unreadable
created   unknown_event      1      -      200 stop                            200 stop
created   error_event        1      no     502 agent_failed                    502 agent_failed
created   oversized:100000   1      -      200 stop                            200 stop
created   oversized:17000000 1      no     502 upstream_unreadable             502 upstream_unreadable

middle    reset              1      no     502 upstream_broken_off             200 upstream_broken_off
middle    close              1      no     502 upstream_broken_off             200 upstream_broken_off
middle    truncated          1      no     502 upstream_broken_off             200 upstream_broken_off
middle    eof                1      no     502 upstream_broken_off             200 upstream_broken_off
middle    stall              1      no     504 upstream_timeout                200 upstream_timeout
middle    slow               1      no     504 upstream_timeout                200 upstream_timeout
middle    flood              1      no     504 upstream_timeout                200 upstream_timeout
middle    garbage            1      no     502 upstream_broken_off             200 upstream_broken_off
middle    not_utf8           1      no     502 upstream_unreadable             200 upstream_unreadable
middle    malformed          1      no     502 upstream_unreadable             200 upstream_unreadable
middle    unknown_event      1      -      200 stop                            200 stop
middle    error_event        1      no     502 agent_failed                    200 agent_failed
middle    oversized:100000   1      -      200 stop                            200 stop
middle    oversized:17000000 1      no     502 upstream_unreadable             200 upstream_unreadable

end       reset              1      no     502 upstream_broken_off             200 upstream_broken_off
end       close              1      no     502 upstream_broken_off             200 upstream_broken_off
end       truncated          1      no     502 upstream_broken_off             200 upstream_broken_off
end       eof                1      no     502 upstream_broken_off             200 upstream_broken_off
end       stall              1      no     504 upstream_timeout                200 upstream_timeout
end       slow               1      no     504 upstream_timeout                200 upstream_timeout
end       flood              1      no     504 upstream_timeout                200 upstream_timeout
end       garbage            1      no     502 upstream_broken_off             200 upstream_broken_off
end       not_utf8           1      no     502 upstream_unreadable             200 upstream_unreadable
end       malformed          1      no     502 upstream_unreadable             200 upstream_unreadable
end       unknown_event      1      -      200 stop                            200 stop
end       error_event        1      no     502 agent_failed                    200 agent_failed
end       oversized:100000   1      -      200 stop                            200 stop
end       oversized:17000000 1      no     502 upstream_unreadable             200 upstream_unreadable

after     reset              1      -      200 stop                            200 stop
after     truncated          1      -      200 stop                            200 stop
after     stall              1      -      200 stop                            200 stop
after     flood              1      -      200 stop                            200 stop
after     garbage            1      -      200 stop                            200 stop

store     refuse             1      -      200 stop                            200 stop
store     reset              1      -      200 stop                            200 stop
store     close              1      -      200 stop                            200 stop
store     stall              1      -      200 stop                            200 stop
store     slow               1      -      200 stop                            200 stop
store     garbage            1      -      200 stop                            200 stop
store     truncated          1      -      200 stop                            200 stop
store     cut                1      -      200 stop                            200 stop
store     oversized          1      -      200 stop                            200 stop
store     html               1      -      200 stop                            200 stop
store     status:500         1      -      200 stop                            200 stop
store     status:503         1      -      200 stop                            200 stop
store     status:429         1      -      200 stop                            200 stop

named     refuse             0      yes    503 store_unavailable               503 store_unavailable
named     reset              0      yes    503 store_unavailable               503 store_unavailable
named     close              0      yes    503 store_unavailable               503 store_unavailable
named     stall              0      yes    503 store_unavailable               503 store_unavailable
named     slow               0      yes    503 store_unavailable               503 store_unavailable
named     garbage            0      yes    503 store_unavailable               503 store_unavailable
named     truncated          0      yes    503 store_unavailable               503 store_unavailable
named     cut                0      yes    503 store_unavailable               503 store_unavailable
named     oversized          0      yes    503 store_unavailable               503 store_unavailable
named     html               0      yes    503 store_unavailable               503 store_unavailable
named     status:500         0      yes    503 store_unavailable               503 store_unavailable
named     status:503         0      yes    503 store_unavailable               503 store_unavailable
named     status:429         0      yes    503 store_unavailable               503 store_unavailable

token     refuse             0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     unknown_authority  0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     reset              0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     close              0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     stall              0      no     504 upstream_timeout                504 upstream_timeout
token     slow               0      no     504 upstream_timeout                504 upstream_timeout
token     garbage            0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     truncated          0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     cut                0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     oversized          0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     html               0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     status:500         0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     status:503         0      no     502 upstream_authentication_failed  502 upstream_authentication_failed
token     status:429         0      no     502 upstream_authentication_failed  502 upstream_authentication_failed

keys      refuse             0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      unknown_authority  0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      reset              0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      close              0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      stall              0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      slow               0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      garbage            0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      truncated          0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      cut                0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      oversized          0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      html               0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      status:500         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      status:503         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
keys      status:429         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable

exchange  refuse             0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  unknown_authority  0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  reset              0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  close              0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  stall              0      no     504 upstream_timeout                504 upstream_timeout
exchange  slow               0      no     504 upstream_timeout                504 upstream_timeout
exchange  garbage            0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  truncated          0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  cut                0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  oversized          0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  html               0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  status:500         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  status:503         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable
exchange  status:429         0      yes    503 identity_provider_unavailable   503 identity_provider_unavailable

exporter  refuse             1      -      200 stop                            200 stop
exporter  reset              1      -      200 stop                            200 stop
exporter  close              1      -      200 stop                            200 stop
exporter  stall              1      -      200 stop                            200 stop
exporter  slow               1      -      200 stop                            200 stop
exporter  garbage            1      -      200 stop                            200 stop
exporter  truncated          1      -      200 stop                            200 stop
exporter  cut                1      -      200 stop                            200 stop
exporter  oversized          1      -      200 stop                            200 stop
exporter  html               1      -      200 stop                            200 stop
exporter  status:500         1      -      200 stop                            200 stop
exporter  status:503         1      -      200 stop                            200 stop
exporter  status:429         1      -      200 stop                            200 stop
";

/// Whether a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) stage: String,
    pub(super) fault: String,
    pub(super) asked: usize,
    pub(super) again: Again,
    /// Status and code of a request that is not streamed.
    pub(super) answer: String,
    /// The same of one that is.
    pub(super) stream: String,
}

impl Row {
    /// Whether it takes a deadline to end the request.
    pub(super) fn hangs(&self) -> bool {
        ["stall", "slow", "slow_head", "flood"].contains(&self.fault.as_str())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, fault, .. } = self;
        write!(
            formatter,
            "{stage} {fault}: {} | {}",
            self.answer, self.stream
        )
    }
}

/// All rows, in their order.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty());
    lines.skip(1).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [
            stage,
            fault,
            asked,
            again,
            status,
            code,
            stream_status,
            stream_code,
        ] = words[..]
        else {
            panic!("not a row: {line}");
        };
        Row {
            stage: stage.to_owned(),
            fault: fault.to_owned(),
            asked: asked.parse().unwrap(),
            again: if again == "no" { Again::No } else { Again::Yes },
            answer: format!("{status} {code}"),
            stream: format!("{stream_status} {stream_code}"),
        }
    })
}
