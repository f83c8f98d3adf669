//! `oomtrace rank`: its order agrees with the kernel's next choice.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::Local;
use super::kills::escaped;
use super::tracer::at;
use crate::host::scratch::Scratch;

const MIB: u64 = 1 << 20;

/// Size of the files, in MiB.
const FILES_MIB: u64 = 48;

/// The number of pages per processor that `memory.stat` may lack: 64 pages that the processor has not added yet, and 64 more that
/// the kernel has not summed up yet.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L560> (`memcg_vmstats_needs_flush`, `memcg_rstat_updated`)
const HELD_BACK_PAGES: u64 = 128;

/// The number of attempts, because processes start, exit and grow meanwhile.
const LOOKS: usize = 5;

/// The adjustments of processes that guarantee an order even on an almost empty machine. They are a fifth of the machine's
/// memory apart. None is below 0, which would need `CAP_SYS_RESOURCE`.
const ADJUSTMENTS: [i16; 5] = [100, 500, 300, 900, 700];

/// Checks that the order of the whole machine is that of `/proc/PID/oom_score`. That score is coarse: one step is two thirds of
/// a thousandth of the machine. Processes within one step may be in either order.
pub(super) fn agrees_with_oom_score(local: &Local) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..LOOKS {
        last = compare(local);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn compare(local: &Local) -> Result<()> {
    let sleepers = Sleepers::start()?;
    let ranking = ranked(local, &[])?;
    order(&ranking, &sleepers)
}

/// Sleeping processes with their adjustments, killed when dropped.
struct Sleepers(Vec<(i16, Child)>);

impl Sleepers {
    fn start() -> Result<Self> {
        let mut sleepers = Self(Vec::new());
        for adj in ADJUSTMENTS {
            let script = format!("echo {adj} > /proc/self/oom_score_adj && exec sleep 60");
            let started = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn();
            sleepers.0.push((adj, started.context("starting a process with an adjustment")?));
        }
        // The shells need time to execute the sleepers.
        std::thread::sleep(std::time::Duration::from_millis(100));
        Ok(sleepers)
    }

    /// The process ids, highest adjustment first.
    fn in_order(&self) -> Vec<u64> {
        let mut sorted: Vec<(i16, u64)> = self.0.iter().map(|(adj, it)| (*adj, u64::from(it.id()))).collect();
        sorted.sort_unstable_by(|left, right| right.cmp(left));
        sorted.into_iter().map(|(_, pid)| pid).collect()
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for (_, sleeper) in &mut self.0 {
            // It may already have exited.
            drop(sleeper.kill());
            drop(sleeper.wait());
        }
    }
}

fn ranked(local: &Local, options: &[&OsStr]) -> Result<Value> {
    let ran = Command::new(local.program("oomtrace"))
        .args(["rank", "--over", "0s", "--format", "json", "--top", "100000"])
        .args(options)
        .output();
    let ran = ran.context("running rank")?;
    ensure!(ran.status.success(), "rank exited with {}: {}", ran.status, ran.stderr.escape_ascii());
    serde_json::from_slice(&ran.stdout).context("the JSON of rank")
}

fn order(ranking: &Value, sleepers: &Sleepers) -> Result<()> {
    let rows = ranking.get("candidates").and_then(Value::as_array).context("no candidates")?;
    let pids: Vec<u64> = rows.iter().filter_map(|row| row.get("pid")?.as_u64()).collect();
    let scores: BTreeMap<u64, i64> = pids.iter().filter_map(|pid| Some((*pid, oom_score(*pid)?))).collect();
    let known: Vec<(u64, i64)> = pids.iter().filter_map(|pid| Some((*pid, *scores.get(pid)?))).collect();
    for (place, (pid, score)) in known.iter().enumerate() {
        let below = known.iter().skip(place + 1).find(|(_, other)| *other > score + 1);
        ensure!(below.is_none(), "{pid} has oom_score {score} and stands before {below:?}");
    }
    let expected = sleepers.in_order();
    let ranked: Vec<u64> = pids.into_iter().filter(|pid| expected.contains(pid)).collect();
    ensure!(ranked == expected, "those with {ADJUSTMENTS:?} should stand as {expected:?}, not {ranked:?}");
    ensure!(expected.iter().all(|pid| scores.contains_key(pid)), "procfs has no score of {expected:?}");
    Ok(())
}

/// A tmpfs, unmounted when it is dropped.
struct Tmpfs(TempDir);

impl Tmpfs {
    fn mount() -> Result<Self> {
        let folder = TempDir::new().context("making a directory to mount at")?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "oomtrace-test"]).arg(folder.path());
        ensure!(mount.status().context("running mount")?.success(), "a tmpfs could not be mounted");
        Ok(Self(folder))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // If this fails, the removal of the directory reports an error.
        drop(Command::new("umount").arg(self.0.path()).status());
    }
}

/// Checks that `rank` reports the size of files in tmpfs whose writer, a process of the cgroup, has exited.
pub(super) fn shows_files(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-files", 64 * MIB)?;
    // It is unmounted before the cgroup is removed, because the files are charged to the cgroup.
    let tmpfs = Tmpfs::mount()?;
    let mut writer = Command::new(local.program("hog"));
    writer.arg("--cgroup").arg(escaped(&scratch.path));
    writer.args(["written-file", "--mib", &FILES_MIB.to_string(), "--path"]).arg(tmpfs.0.path().join("file"));
    let wrote = writer.stdin(Stdio::null()).stdout(Stdio::null()).status().context("running a hog")?;
    ensure!(wrote.success(), "the hog failed");
    let ranking = ranked(local, &[OsStr::new("--cgroup"), scratch.path.as_os_str()])?;
    let memory = at(&ranking, "/memory");
    let parts = at(memory, "/parts").as_array().context("no parts")?;
    let tmpfs_bytes = parts.iter().find(|part| at(part, "/what") == "tmpfs");
    let tmpfs_bytes = tmpfs_bytes.and_then(|part| at(part, "/bytes").as_u64()).context("no tmpfs")?;
    let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let processors = u64::try_from(stat.lines().filter(|line| line.starts_with("cpu")).count())?;
    let page = u64::try_from(rustix::param::page_size())?;
    let most = HELD_BACK_PAGES * processors * page;
    ensure!(
        tmpfs_bytes.abs_diff(FILES_MIB * MIB) <= most,
        "{FILES_MIB} MiB of files are {tmpfs_bytes}: {memory}"
    );
    // If there is swap, the kernel can move the files to it, so that they do not have to stay in memory.
    if !has_swap()? {
        stay(memory, tmpfs_bytes, tmpfs.0.path())?;
    }
    Ok(())
}

fn has_swap() -> Result<bool> {
    let swaps = fs::read_to_string("/proc/swaps").context("reading /proc/swaps")?;
    Ok(swaps.lines().count() > 1)
}

/// Checks that the ranking counts the files as memory that no kill frees, and names the mount.
fn stay(memory: &Value, tmpfs_bytes: u64, mount: &Path) -> Result<()> {
    let stays = at(memory, "/stays_bytes").as_u64();
    ensure!(stays.is_some_and(|bytes| bytes >= tmpfs_bytes), "a kill seems to free files: {memory}");
    let place = mount.to_str().context("an odd directory")?;
    let named = at(memory, "/reasons/0/text").as_str().is_some_and(|text| text.contains(place));
    ensure!(named, "the mount is not named: {memory}");
    Ok(())
}

fn oom_score(pid: u64) -> Option<i64> {
    fs::read_to_string(format!("/proc/{pid}/oom_score")).ok()?.trim().parse().ok()
}
