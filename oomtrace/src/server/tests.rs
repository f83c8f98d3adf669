//! Tests the whole thread through its inputs and its HTTP server.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{Feed, Listener, Machine, Server, Wanted};
use crate::{
    kernel::tier::Tier,
    pipeline::Progress,
    sink::{Sink as _, terminal::example},
};

type Said = Arc<Mutex<Vec<String>>>;

pub(super) fn machine() -> Machine {
    Machine::new(Tier::Kprobe, Arc::new(Progress::default()), None)
}

fn start(wanted: Wanted) -> (Server, Feed, Said) {
    let said = Said::default();
    let theirs = Arc::clone(&said);
    let tell = Box::new(move |trouble: &super::Trouble| theirs.lock().unwrap().push(trouble.to_string()));
    let (server, feed) = Server::start(wanted, machine(), tell).unwrap();
    (server, feed, said)
}

fn with_metrics() -> (Server, Feed, SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap();
    let (server, feed, _) = start(Wanted { metrics: Some(listener), ..Wanted::default() });
    (server, feed, address)
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request}\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Repeats the request until the answer contains the line, because a report is counted a moment after it was fed.
fn wait_for(address: SocketAddr, line: &str) -> String {
    let start = Instant::now();
    loop {
        let answer = ask(address, "GET /metrics HTTP/1.1");
        if answer.lines().any(|known| known == line) {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no `{line}` in\n{answer}");
    }
}

#[test]
fn counts_every_report_in_a_scrape_over_tcp() {
    let (server, mut feed, address) = with_metrics();
    for _ in 0..1000 {
        feed.closed(&example::memcg_kill()).unwrap();
    }
    let line = r#"oomtrace_kills_total{cause="memcg_limit",policy="badness",domain="memcg"} 1000"#;
    let answer = wait_for(address, line);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
    assert!(answer.contains(r#"oomtrace_dropped_reports_total{consumer="metrics"} 0"#), "{answer}");
    drop(feed);
    server.finish();
    assert!(TcpStream::connect(address).is_err(), "the address is no longer in use");
}

#[test]
fn rejects_other_pages_and_methods() {
    let (server, feed, address) = with_metrics();
    assert!(ask(address, "GET / HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(ask(address, "GET /secret HTTP/1.1").starts_with("HTTP/1.1 404"));
    assert!(ask(address, "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405"));
    drop(feed);
    server.finish();
}

#[test]
fn hanging_scrapers_do_not_block_others() {
    let (server, mut feed, address) = with_metrics();
    let silent: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut flood = TcpStream::connect(address).unwrap();
    // The server may close the connection during this write.
    let _ = flood.write_all(&vec![b'x'; 1 << 20]);
    feed.closed(&example::memcg_kill()).unwrap();
    wait_for(address, r#"oomtrace_kills_total{cause="memcg_limit",policy="badness",domain="memcg"} 1"#);
    drop((silent, feed));
    server.finish();
}

#[test]
fn reports_an_address_in_use() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    assert!(Listener::bind(first.address().unwrap()).is_err());
}
