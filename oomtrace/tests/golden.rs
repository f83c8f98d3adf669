//! Recordings made by older versions, at least one for each version of the format. This version must report every fact that the
//! older version reported. Existing recordings are never regenerated.
#![cfg(test)]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use oomtrace::{
    frame::Frame,
    pipeline::Incidents,
    recording::{Reader, VERSION},
    report::report,
    source::replay::Replay,
    whatif::{Change, Refusal, Room, decide_again},
};
use oomtrace_common::frame::Kind;
use serde_json::Value;

/// Each recording with the reports that the older version printed live.
fn goldens() -> Vec<(PathBuf, Vec<Value>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let recordings = paths.filter(|path| path.extension().is_some_and(|extension| extension == "oomtrace"));
    let with_reports = |path: PathBuf| {
        let lines = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        (path, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let mut goldens: Vec<_> = recordings.map(with_reports).collect();
    goldens.sort_by(|one, other| one.0.cmp(&other.0));
    goldens
}

fn reports(path: &Path) -> Vec<Value> {
    let reader = Reader::new(File::open(path).unwrap()).unwrap();
    let incidents = Incidents::new(Replay::new(reader));
    incidents.map(|incident| serde_json::to_value(report(&incident.unwrap())).unwrap()).collect()
}

/// Keys with sentences. Sentences may improve. Facts may only be added.
const WORDS: [&str; 2] = ["summary", "evidence"];

/// The places of facts that the old report has and the new one lacks.
fn missing(then: &Value, now: &Value, place: &str) -> Vec<String> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => then
            .iter()
            .filter(|(key, _)| !WORDS.contains(&key.as_str()))
            .flat_map(|(key, value)| {
                missing(value, now.get(key).unwrap_or(&Value::Null), &format!("{place}/{key}"))
            })
            .collect(),
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.flat_map(|(index, (then, now))| missing(then, now, &format!("{place}/{index}"))).collect()
        }
        // A later version may know a fact that the older one did not.
        (Value::Null, _) => Vec::new(),
        (then, now) if then == now => Vec::new(),
        (then, now) => vec![format!("{place}: {then} then, {now} now")],
    }
}

#[test]
fn reports_every_fact_of_the_older_versions() {
    for (path, then) in goldens() {
        let mut now = reports(&path);
        // Live reports come in the order of their closing, these in the order of their decisions.
        now.sort_by_key(|report| then.iter().position(|then| then["id"] == report["id"]));
        assert_eq!(missing(&Value::Array(then), &Value::Array(now), ""), [""; 0], "{}", path.display());
    }
}

#[test]
fn every_version_has_a_recording_that_begins_with_a_complete_session() {
    let goldens = goldens();
    for version in 1..=VERSION {
        let of_version =
            |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("v{version}-"));
        let (path, then) =
            goldens.iter().find(|(path, _)| of_version(path)).expect("a golden recording of the version");
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes[8..12], version.to_le_bytes(), "{}", path.display());
        assert!(!then.is_empty());
        let (mut reader, mut first) = (Reader::new(&bytes[..]).unwrap(), Vec::new());
        assert!(reader.next(&mut first).unwrap());
        let first = Frame::parse(&first).unwrap();
        assert_eq!(Kind::from_number(first.header.kind), Some(Kind::Session));
        let session: Value = serde_json::from_slice(first.payload).unwrap();
        for key in ["tool_version", "kernel_release", "boot_id", "wall_offset_ns", "command_line"] {
            assert!(!session[key].is_null(), "{key}");
        }
        for key in ["layout", "sysctls"] {
            assert!(!session[key].as_object().unwrap().is_empty(), "{key}");
        }
    }
}

#[test]
fn detects_a_missing_fact() {
    let (_, then) = goldens().remove(0);
    let mut now = then.clone();
    now[0]["victims"][0]["pid"] = Value::Null;
    now[0]["cause"]["summary"] = Value::from("better words");
    now[0]["a new key"] = Value::from(1);
    let found = missing(&Value::Array(then), &Value::Array(now), "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("/0/victims/0/pid: "), "{found:?}");
}

/// The only incident of a recording, decided again.
fn decided_again(name: &str, change: Result<Change, String>) -> Result<(bool, Room, Room), Refusal> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings").join(name);
    let reader = Reader::new(File::open(path).unwrap()).unwrap();
    let incident = Incidents::new(Replay::new(reader)).next().unwrap().unwrap();
    let answer = decide_again(&incident, &[change.unwrap()])?;
    let memory = answer.memory.unwrap();
    Ok((answer.after.happens, memory.before, memory.after))
}

#[test]
fn another_limit_or_an_emptied_tmpfs_would_have_left_known_amounts() {
    // The cgroup has 32 MiB. All but 106,496 bytes of them are files at /tmp.
    let cgroup = |change| decided_again("v1-tmpfs.oomtrace", change);
    let before = Room {
        limit_bytes: Some(32 << 20),
        used_bytes: 32 << 20,
        left_bytes: Some(0),
        stays_bytes: 33_447_936,
        unknown_bytes: 7352,
    };
    let raised = Room { limit_bytes: Some(48 << 20), left_bytes: Some(16 << 20), ..before };
    assert_eq!(cgroup(Change::limit("/tmpfs=48M")), Ok((false, before, raised)));
    let emptied = Room { used_bytes: 106_496, left_bytes: Some(33_447_936), stays_bytes: 0, ..before };
    assert_eq!(cgroup(Change::tmpfs("/tmp=0")), Ok((false, before, emptied)));
    assert!(matches!(cgroup(Change::tmpfs("/=0")), Err(Refusal::ChargeUnknown { .. })));

    // 220 MiB are files at /big.
    let machine = |change| decided_again("v1-tmpfs_machine.oomtrace", change);
    let (happens, before, after) = machine(Change::tmpfs("/big=0")).unwrap();
    assert_eq!((happens, before.limit_bytes), (false, Some(467_091_456)));
    assert_eq!(before.used_bytes - after.used_bytes, 220 << 20);
    assert_eq!(before.stays_bytes - after.stays_bytes, 220 << 20);
    assert_eq!(before.stays_bytes, 249_348_096 + 565_248, "tmpfs and per-CPU memory");
    assert_eq!(machine(Change::limit("/a=1G")), Err(Refusal::NotOfCgroup));
}
