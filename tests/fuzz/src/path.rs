//! Random cgroup paths: every name read from a path must occur in it.

use std::panic::catch_unwind;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace::{attribute::Place, bytes::ByteString};

/// Parts that the grammar knows, and parts that look almost like them.
const PARTS: [&str; 40] = [
    "/",
    "docker",
    "docker-",
    ".scope",
    ".service",
    ".slice",
    "kubepods",
    "burstable",
    "pod",
    "-pod",
    "lxc",
    "lxc.payload.",
    "libpod-",
    "conmon-",
    "crio-",
    "cri-containerd-",
    ":cri-containerd:",
    "machine-",
    "\\x2d",
    "systemd-nspawn@",
    "user-",
    "user@",
    "session-",
    "garden",
    "ecs",
    "nomad.slice",
    "buildkit",
    "slurm",
    "uid_",
    "job_",
    "slurmstepd.scope",
    "imp-shell-1-",
    "condor_",
    "_slot",
    "jobid",
    "container_",
    "1000",
    "\u{ff}",
    "_",
    "0d08203e-255a-11e9-8cd9-0007cb0b2cc8",
];

/// Judges many paths and counts the names in them.
pub(crate) fn run(seed: u64, first: u64, inputs: u64) -> Result<String> {
    let (mut containers, mut pods, mut units, mut jobs) = (0_u64, 0_u64, 0_u64, 0_u64);
    for number in first..first.saturating_add(inputs) {
        let judged = catch_unwind(|| judge(seed, number)).unwrap_or_else(|_| bail!("a panic"));
        let place = judged.with_context(|| format!("path {number} of seed {seed}"))?;
        containers += u64::from(place.container.is_some());
        pods += u64::from(place.pod.is_some());
        units += u64::from(place.unit.is_some());
        jobs += u64::from(place.job.is_some());
    }
    Ok(format!(
        "{inputs} paths: {containers} containers, {pods} pods, {units} units, {jobs} jobs; each name is in its path"
    ))
}

fn has(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len().max(1)).any(|window| window == part)
}

/// Replaces each escape of systemd with its byte.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let digits = rest.strip_prefix(b"\\x").and_then(|digits| digits.get(..2));
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        // The kernel allows no zero byte in a name.
        let byte = byte.filter(|byte| *byte != 0);
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { rest.get(4..).unwrap_or_default() } else { behind };
    }
    bytes
}

/// Judges the path of this seed and number. Fails if a name was invented.
pub(crate) fn judge(seed: u64, number: u64) -> Result<Place> {
    let mut random = fastrand::Rng::with_seed(seed.rotate_left(32) ^ number);
    let mut path = Vec::new();
    for _ in 0..random.usize(..24) {
        match random.u8(..8) {
            0 => path.extend((0..random.usize(60..68)).filter_map(|_| random.choice(*b"0123456789abcdef"))),
            1 => path.push(random.u8(..)),
            _ => path.extend(random.choice(PARTS).unwrap_or_default().bytes()),
        }
    }
    let place = Place::of(&path);
    for part in [
        place.container.as_ref().map(|container| container.cgroup.as_bytes()),
        place.pod.as_ref().map(|pod| pod.cgroup.as_bytes()),
    ] {
        ensure!(
            part.is_none_or(|part| path.starts_with(part)),
            "the path does not contain this cgroup: {}",
            path.escape_ascii()
        );
    }
    let job = place.job.as_ref().map(|job| job.id.as_bytes());
    let session = place.session.as_ref().map(ByteString::as_bytes);
    for part in [job, session].into_iter().flatten() {
        ensure!(has(&path, part), "the path does not contain this name: {}", path.escape_ascii());
    }
    let plain = unescaped(&path);
    let id = place.container.as_ref().map(|container| container.id.as_bytes());
    let names = [place.unit.as_ref(), place.slice.as_ref()].map(|name| name.map(ByteString::as_bytes));
    for part in names.into_iter().chain([id]).flatten() {
        let is_there = has(&path, part) || has(&plain, part);
        ensure!(is_there, "the path does not contain this name: {}", path.escape_ascii());
    }
    Ok(place)
}
