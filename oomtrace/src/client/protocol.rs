//! The messages of the socket (`docs/socket.md`): each is one JSON object on one line.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bytes::ByteString;

/// The version of the messages. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// The maximum length of a request in bytes, with its line end. The longest path of a cgroup fits.
pub const LONGEST_REQUEST: usize = 16 << 10;

/// The socket of the flight recorder that the unit file starts.
pub const USUAL_SOCKET: &str = "/run/oomtrace/socket";

/// A request. A connection has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Whether memory killed a process, and why.
    Why {
        /// A process id, the path of a cgroup, or the name of a unit, a container or a pod, as in `oomtrace why`.
        target: ByteString,
    },
    /// All reports from now on.
    Events {},
}

/// The kind of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A kill was found.
    Found,
    /// The tracer knows no such kill.
    None,
    /// The question is about processes of others.
    Refused,
    /// The request is not valid.
    Invalid,
    /// Too many clients are connected.
    Busy,
    /// Reports follow.
    Subscribed,
}

/// How a process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// By the kernel's OOM killer.
    OomKill,
    /// By a program, because memory was short.
    UserspaceKill,
}

impl Verdict {
    /// The name in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OomKill => "oom_kill",
            Self::UserspaceKill => "userspace_kill",
        }
    }
}

/// The reply to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The kind of this reply.
    pub status: Status,
    /// How the process was killed, if a kill was found.
    pub verdict: Option<Verdict>,
    /// Number of incidents with such a victim that the tracer still has in memory.
    pub incidents: u64,
    /// Whether the tracer still has all reports since its start. If not, recordings may have more incidents.
    pub complete: bool,
    /// The process id of the victim.
    pub pid: Option<i32>,
    /// The reason, for [`Status::Refused`], [`Status::Invalid`] and [`Status::Busy`].
    pub message: Option<String>,
    /// The report of the last incident (`docs/json.md`), exactly as the tracer wrote it.
    pub report: Option<Box<RawValue>>,
}

impl Reply {
    /// A reply without a report.
    #[must_use]
    pub const fn plain(status: Status, message: Option<String>) -> Self {
        Self {
            schema: SCHEMA,
            status,
            verdict: None,
            incidents: 0,
            complete: true,
            pid: None,
            message,
            report: None,
        }
    }
}

/// A line between the reports of a subscription: reports that this client did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Their number since the last such line.
    pub lost_reports: u64,
}

#[cfg(test)]
mod tests {
    use super::{Lost, Reply, Request, SCHEMA, Status};

    #[test]
    fn requests_have_the_documented_form() {
        let why = Request::Why { target: "4711".into() };
        assert_eq!(serde_json::to_string(&why).unwrap(), r#"{"ask":"why","target":"4711"}"#);
        assert_eq!(serde_json::to_string(&Request::Events {}).unwrap(), r#"{"ask":"events"}"#);
        let bytes: Request = serde_json::from_str(r#"{"ask":"why","target":{"bytes":"L/8="}}"#).unwrap();
        assert_eq!(bytes, Request::Why { target: vec![b'/', 0xff].into() });
    }

    #[test]
    fn rejects_requests_with_unknown_keys() {
        for wrong in [
            "{}",
            "[]",
            r#"{"ask":"why"}"#,
            r#"{"ask":"events","since":1}"#,
            r#"{"ask":"why","target":"1","since":"1h"}"#,
            r#"{"ask":"kill","target":"1"}"#,
        ] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reply_without_a_kill_has_all_keys() {
        let text = serde_json::to_string(&Reply::plain(Status::None, None)).unwrap();
        let keys = ["schema", "status", "verdict", "incidents", "complete", "pid", "message", "report"];
        assert!(keys.iter().all(|key| text.contains(&format!("\"{key}\":"))), "{text}");
        let lost = serde_json::to_string(&Lost { schema: SCHEMA, lost_reports: 3 }).unwrap();
        assert_eq!(lost, r#"{"schema":1,"lost_reports":3}"#);
    }
}
