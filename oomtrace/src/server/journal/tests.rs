//! Entries as journald reads them, received on a socket in its place.

use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Journal, entry::MESSAGE_ID, entry::entry};
use crate::{
    bytes::ByteString,
    explain::{Code, Outcome},
    report::Report,
    server::{Server, Trouble, Wanted, facts::Facts, tests::machine},
    sink::{Sink as _, terminal::example},
};

/// Parses the fields of an entry by the rules of the protocol.
fn fields(mut entry: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = Vec::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|byte| matches!(byte, b'=' | b'\n')).unwrap();
        let name = String::from_utf8(entry[..end].to_vec()).unwrap();
        let (start, length) = if entry[end] == b'=' {
            (end + 1, entry[end + 1..].iter().position(|byte| *byte == b'\n').unwrap())
        } else {
            let length = u64::from_le_bytes(entry[end + 1..end + 9].try_into().unwrap());
            (end + 9, usize::try_from(length).unwrap())
        };
        fields.push((name, entry[start..start + length].to_vec()));
        assert_eq!(entry[start + length], b'\n');
        entry = &entry[start + length + 1..];
    }
    fields
}

fn values(report: &Report, name: &str) -> Vec<String> {
    let fields = fields(&entry(&Facts::of(report)));
    let of_name = fields.iter().filter(|(known, _)| known == name);
    of_name.map(|(_, value)| value.escape_ascii().to_string()).collect()
}

#[test]
fn entry_has_the_cause_the_victim_and_the_unit() {
    let mut report = example::memcg_kill();
    report.victims[0].process.place.unit = Some("nginx.service".into());
    let value = |name| values(&report, name).join(",");
    assert_eq!(value("MESSAGE"), report.cause.summary);
    assert_eq!(value("MESSAGE_ID"), MESSAGE_ID);
    assert_eq!((value("OOM_CAUSE"), value("OOM_VICTIM_COMM")), ("memcg_limit".into(), "python3".into()));
    assert_eq!((value("OOM_VICTIM_PID"), value("OBJECT_PID")), ("812".into(), "812".into()));
    assert_eq!(
        (value("UNIT"), value("OBJECT_SYSTEMD_UNIT")),
        ("nginx.service".into(), "nginx.service".into())
    );
    assert_eq!(value("PRIORITY"), "3");
    report.victims[0].process.cgroup =
        Some("/user.slice/user-1000.slice/user@1000.service/app.slice/a".into());
    assert_eq!(
        (values(&report, "USER_UNIT").join(","), values(&report, "UNIT").len()),
        ("nginx.service".into(), 0)
    );
}

#[test]
fn name_with_a_line_end_adds_no_field() {
    let mut report = example::memcg_kill();
    report.victims[0].process.comm = Some(ByteString::from(b"a\nPRIORITY=0\xff".to_vec()));
    assert_eq!(values(&report, "OOM_VICTIM_COMM"), [r"a\nPRIORITY=0\xff"]);
    assert_eq!(values(&report, "PRIORITY"), ["3"]);
}

#[test]
fn entry_fits_into_a_datagram() {
    let mut report = example::memcg_kill();
    let mut victim = report.victims[0].clone();
    victim.process.cgroup = Some(format!("/{}", "x".repeat(10_000)).as_str().into());
    report.victims = vec![victim; 1000];
    assert!(entry(&Facts::of(&report)).len() < 1 << 19);
    assert_eq!(values(&report, "OOM_VICTIM_PID").len(), 64);
}

#[test]
fn priority_is_critical_for_the_machine_and_notice_without_a_kill() {
    let mut report = example::memcg_kill();
    report.cause.code = Code::Global;
    assert_eq!(values(&report, "PRIORITY"), ["2"]);
    report.victims.clear();
    report.selection.outcome = Some(Outcome::NoKill);
    assert_eq!(values(&report, "PRIORITY"), ["5"]);
}

#[test]
fn sends_entries_and_reports_a_missing_journal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    assert!(Journal::open_at(&path).is_err_and(|error| error.to_string().contains("systemd-journald")));
    let journald = UnixDatagram::bind(&path).unwrap();
    journald.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    send(&path, 3);
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..3 {
        let length = journald.recv(&mut buffer).unwrap();
        assert!(fields(&buffer[..length]).iter().any(|(name, _)| name == "OOM_CAUSE"));
    }
}

fn send(path: &Path, reports: usize) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&said);
    let tell = Box::new(move |trouble: &Trouble| theirs.lock().unwrap().push(trouble.to_string()));
    let wanted = Wanted { journal: Some(Journal::open_at(path).unwrap()), ..Wanted::default() };
    let (server, mut feed) = Server::start(wanted, machine(), tell).unwrap();
    for _ in 0..reports {
        feed.closed(&example::memcg_kill()).unwrap();
    }
    drop(feed);
    server.finish();
    assert!(said.lock().unwrap().is_empty());
}

#[test]
fn catalog_explains_the_entry() {
    let catalog = include_str!("../../../../contrib/journal/oomtrace.catalog");
    assert!(catalog.contains(&format!("-- {MESSAGE_ID}\n")), "{MESSAGE_ID}");
}
