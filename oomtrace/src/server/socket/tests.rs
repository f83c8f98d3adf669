//! Tests the socket through its client.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::Socket;
use crate::{
    client::{Client, Event, LONGEST_REQUEST, Status},
    report::Report,
    server::{Feed, Server, Wanted, tests::machine},
    sink::{Sink as _, terminal::example},
};

struct Run {
    directory: tempfile::TempDir,
    server: Server,
    feed: Feed,
    said: Arc<Mutex<Vec<String>>>,
}

impl Run {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = Socket::bind(&directory.path().join("socket")).unwrap();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let theirs = Arc::clone(&said);
        let tell = Box::new(move |trouble: &crate::server::Trouble| {
            theirs.lock().unwrap().push(trouble.to_string());
        });
        let wanted = Wanted { socket: Some(socket), ..Wanted::default() };
        let (server, feed) = Server::start(wanted, machine(), tell).unwrap();
        Self { directory, server, feed, said }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn client(&self) -> Client {
        Client::new(self.path())
    }

    /// Feeds a report of a kill of this process, and waits until the socket knows it.
    fn kill(&mut self, pid: i32) {
        self.feed.closed(&of(pid)).unwrap();
        let client = self.client();
        while client.why(pid.to_string().as_bytes()).unwrap().status != Status::Found {}
    }

    fn end(self) {
        drop(self.feed);
        self.server.finish();
    }
}

fn of(pid: i32) -> Report {
    let mut report = example::memcg_kill();
    report.victims[0].process.pid = Some(pid);
    report
}

fn send(path: &std::path::Path, request: &[u8]) -> Value {
    let mut stream = UnixStream::connect(path).unwrap();
    // The server may close the connection during this write.
    let _ = stream.write_all(request);
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn answers_why_and_removes_the_socket_at_the_end() {
    let mut run = Run::start();
    run.kill(4711);
    let reply = run.client().why(b"4711").unwrap();
    assert_eq!((reply.status, reply.pid, reply.incidents), (Status::Found, Some(4711), 1));
    let report: Value = serde_json::from_str(reply.report.unwrap().get()).unwrap();
    assert_eq!(report["victims"][0]["pid"], 4711);
    assert_eq!(run.client().why(b"4712").unwrap().status, Status::None);
    let path = run.path();
    run.end();
    assert!(!path.exists());
}

#[test]
fn a_reply_without_an_awaited_report_is_not_complete() {
    let mut run = Run::start();
    run.feed.decided(&of(5)).unwrap();
    let mut asked = UnixStream::connect(run.path()).unwrap();
    asked.write_all(b"{\"ask\":\"why\",\"target\":\"5\"}\n").unwrap();
    // Connections are accepted in their order, so this reply shows that the other one was accepted.
    assert_eq!(send(&run.path(), b"{}\n")["status"], "invalid");
    run.end();
    let mut line = String::new();
    BufReader::new(asked).read_line(&mut line).unwrap();
    let reply: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(reply["status"], "none");
    assert_eq!(reply["complete"], false);
}

#[test]
fn streams_reports_until_the_end() {
    let mut run = Run::start();
    let events = run.client().events().unwrap();
    for pid in 1..=20 {
        run.feed.closed(&of(pid)).unwrap();
    }
    run.end();
    let pids: Vec<i64> = events
        .map(|event| match event.unwrap() {
            Event::Report(report) => {
                serde_json::from_str::<Value>(report.get()).unwrap()["victims"][0]["pid"].as_i64().unwrap()
            }
            Event::Lost(count) => panic!("{count} lost"),
        })
        .collect();
    assert_eq!(pids, (1..=20).collect::<Vec<i64>>());
}

#[test]
fn slow_subscriber_loses_its_own_reports_and_learns_their_number() {
    let mut run = Run::start();
    let slow = run.client().events().unwrap();
    // The kernel's buffers hold some of them, the tracer the last thousand.
    for pid in 1..=3000 {
        run.kill(pid);
    }
    let (mut reports, mut lost) = (0, 0);
    for event in slow {
        match event.unwrap() {
            Event::Report(_) => reports += 1,
            Event::Lost(count) => lost += count,
        }
        if reports + lost >= 3000 {
            break;
        }
    }
    let said = Arc::clone(&run.said);
    run.end();
    assert!(lost > 0 && reports + lost == 3000, "{reports} reports, {lost} lost");
    assert!(said.lock().unwrap().iter().any(|said| said.contains("too slow")), "{:?}", said.lock());
}

#[test]
fn survives_hostile_requests() {
    let mut run = Run::start();
    let silent: Vec<UnixStream> = (0..10).map(|_| UnixStream::connect(run.path()).unwrap()).collect();
    let path = run.path();
    let long = vec![b'['; 4 * LONGEST_REQUEST];
    let wrong: [&[u8]; 6] =
        [b"\n", b"{}\n", b"\xff\xfe\n", b"{\"ask\":\"why\"}\n", b"{\"ask\":\"why\",\"target\":[[[[\n", &long];
    for request in wrong {
        assert_eq!(send(&path, request)["status"], "invalid", "{}", request.escape_ascii());
    }
    let cut = UnixStream::connect(&path).unwrap();
    (&cut).write_all(b"{\"ask\":").unwrap();
    drop(cut);
    run.kill(7);
    drop(silent);
    run.end();
}

#[test]
fn refuses_clients_beyond_the_limit() {
    let run = Run::start();
    let held: Vec<_> = (0..64).map(|_| run.client().events().unwrap()).collect();
    let mut refused = UnixStream::connect(run.path()).unwrap();
    let mut line = String::new();
    refused.read_to_string(&mut line).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["status"], "busy");
    drop(held);
    // The places are free again a moment later.
    while run.client().events().is_err() {}
    run.end();
}
