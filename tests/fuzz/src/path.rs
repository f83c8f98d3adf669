//! Random cgroup paths: every name read from a path must occur in it.

use anyhow::{Result, ensure};
use oomtrace::attribute::Place;

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

/// Judges the path of this seed and number. Fails if a name was invented.
pub(crate) fn judge(seed: u64, number: u64) -> Result<()> {
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
    let session = place.session.as_ref().map(oomtrace::bytes::ByteString::as_bytes);
    for part in [job, session].into_iter().flatten() {
        let is_there = path.windows(part.len().max(1)).any(|window| window == part);
        ensure!(is_there, "the path does not contain this name: {}", path.escape_ascii());
    }
    Ok(())
}
