//! Tests the hook through its socket.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{CONNECTIONS, NAME, OomdHook, user_id};
use crate::{
    context::Prekill,
    decode::decode,
    event::Event,
    frame::Frame,
    server::{Feed, Server, SocketError, Wanted, tests::machine},
    source::prekill::Prekills,
};

struct Run {
    directory: tempfile::TempDir,
    server: Server,
    feed: Feed,
    prekills: Arc<Prekills>,
}

impl Run {
    fn start() -> Self {
        Self::start_for(None)
    }

    /// Starts a server for these users instead of root and systemd-oomd's.
    fn start_for(users: Option<Vec<u32>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let mut hook = OomdHook::bind_for(vec![own], directory.path(), true).unwrap();
        hook.shared.users = users.unwrap_or_else(|| vec![own]);
        let prekills = hook.prekills();
        let wanted = Wanted { oomd_hook: Some(hook), ..Wanted::default() };
        let (server, feed) = Server::start(wanted, machine(), Box::new(|_| {})).unwrap();
        Self { directory, server, feed, prekills }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(NAME)
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends bytes and returns everything that comes back until the connection ends.
    fn say(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // The server may have closed the connection before it read everything.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        reply
    }

    /// The frames so far.
    fn heard(&self) -> Vec<Prekill> {
        let mut batch = Vec::new();
        self.prekills.send(&mut batch);
        let events = Frame::each(&batch).filter_map(|(frame, _)| decode(&frame).unwrap());
        let prekill = |event: Event| {
            let Event::Prekill(prekill) = event else { panic!("{event:?}") };
            prekill
        };
        events.map(|stamped| prekill(stamped.event)).collect()
    }

    fn end(self) {
        let path = self.path();
        drop(self.feed);
        self.server.finish();
        assert!(!path.exists(), "the socket is removed at the end");
    }
}

fn notify(cgroup: &str) -> Vec<u8> {
    let call =
        serde_json::json!({ "method": "io.systemd.oom.Prekill.Notify", "parameters": { "cgroup": cgroup } });
    format!("{call}\0").into_bytes()
}

const DONE: &[u8] = b"{\"parameters\":{}}\0";

#[test]
fn replies_at_once_and_passes_the_announcement_on() {
    let run = Run::start();
    let start = Instant::now();
    let mut stream = run.connect();
    stream.write_all(&notify("/oomtrace-none")).unwrap();
    let mut reply = [0; DONE.len()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply, DONE);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    drop(stream);
    let mut heard = Vec::new();
    while heard.is_empty() && start.elapsed() < Duration::from_secs(10) {
        heard = run.heard();
    }
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((&heard[0].cgroup, heard[0].memcg), (&"/oomtrace-none".into(), None));
    assert!(heard[0].announced_ns > 0 && heard[0].snapshot.is_none());
    run.end();
}

#[test]
fn a_hostile_announcement_is_refused_and_leads_nowhere() {
    let run = Run::start();
    for path in ["/../etc", "//", "/a//b", "/", "", "/a\0b"] {
        let reply = run.say(&notify(path));
        assert!(reply.starts_with(b"{\"error\":\"org.varlink.service.InvalidParameter\""), "{path:?}");
    }
    for bytes in [&b"\0"[..], b"{}\0", b"no end", b"\xff\0", &[b' '; 40 << 10], &[0; 100]] {
        assert_eq!(run.say(bytes), b"");
    }
    assert_eq!(run.heard(), []);
    // The socket still works, also after more calls than one connection may make.
    let reply = run.say(&notify("/a").repeat(20));
    assert_eq!(reply, DONE.repeat(16));
    assert_eq!(run.heard().len(), 16);
    run.end();
}

#[test]
fn only_root_and_systemd_oomd_may_announce() {
    let run = Run::start_for(Some(vec![rustix::process::geteuid().as_raw() + 1]));
    let denied = b"{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{}}\0";
    assert_eq!(run.say(&notify("/a")), denied);
    assert_eq!(run.heard(), []);
    run.end();
    let passwd =
        b"root:x:0:0::/root:/bin/sh\nsystemd-oom:!*:983:983::/:/usr/sbin/nologin\nsystemd-oomd:x:7:7:::\n";
    assert_eq!(user_id(passwd, "systemd-oom"), Some(983));
    for passwd in
        ["", "systemd-oom", "systemd-oom:x", "systemd-oom:x:", "systemd-oom:x:-1:", "x:systemd-oom:5:"]
    {
        assert_eq!(user_id(passwd.as_bytes(), "systemd-oom"), None, "{passwd}");
    }
}

#[test]
fn silent_clients_take_no_more_places_than_there_are() {
    let run = Run::start();
    let silent: Vec<UnixStream> = (0..CONNECTIONS).map(|_| run.connect()).collect();
    assert_eq!(run.say(&notify("/a")), b"", "there is no place");
    drop(silent);
    let start = Instant::now();
    while run.say(&notify("/b")) != DONE && start.elapsed() < Duration::from_secs(10) {}
    assert_eq!(run.heard().last().unwrap().cgroup, "/b".into());
    run.end();
}

#[test]
fn two_tracers_do_not_share_a_socket() {
    let run = Run::start();
    let second = OomdHook::bind_for(Vec::new(), run.directory.path(), true).err().unwrap();
    assert!(matches!(second, SocketError::InUse { option: "--oomd-hook", .. }));
    run.end();
}
