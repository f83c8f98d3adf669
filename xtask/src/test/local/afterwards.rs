//! What became of a victim's cgroup.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::Local;
use super::kills::{escaped, kill_one};
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// On a busy machine, the process may start too late to be seen.
const ATTEMPTS: u32 = 5;

/// Checks that a report says that the victim's command runs again in one cgroup, and that another cgroup is gone.
pub(super) fn restarted_and_removed(local: &Local) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if attempt(local)? {
            return Ok(());
        }
    }
    bail!("in {ATTEMPTS} attempts, no report had the second process and the removal")
}

fn attempt(local: &Local) -> Result<bool> {
    let again = Scratch::new(&local.hierarchy, b"oomtrace-test-again", 4 << 20)?;
    let gone = Scratch::new(&local.hierarchy, b"oomtrace-test-gone", 4 << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    kill_one(local, &again, &[])?;
    let mut second = restart(local, &again)?;
    kill_one(local, &gone, &[])?;
    drop(gone);
    // An incident waits for a second for what user space does.
    sleep(Duration::from_millis(2500));
    let said = tracer.end("-INT")?;
    second.kill().and_then(|()| second.wait()).context("ending the second hog")?;
    let reports = said.reports()?;
    let again = of(&reports, "/oomtrace-test-again")?;
    let gone = of(&reports, "/oomtrace-test-gone")?;
    ensure!(!again.is_null() && !gone.is_null(), "no `afterwards`: {again} {gone}");
    // Only the second hog, or the removal, may have come after the look.
    if at(again, "/restarted").is_null() || *at(gone, "/cgroup_removed") == false {
        return Ok(false);
    }
    ensure!(*at(again, "/cgroup_removed") == false, "the cgroup exists: {again}");
    ensure!(*at(again, "/restarted/pid") == second.id(), "not {}: {again}", second.id());
    ensure!(*at(again, "/restarted/comm") == "hog", "not hog: {again}");
    ensure!(*at(gone, "/cgroup_removed") == true, "the cgroup was removed: {gone}");
    ensure!(at(gone, "/restarted").is_null(), "nothing was started: {gone}");
    Ok(true)
}

/// A second process of the same name that takes no memory.
fn restart(local: &Local, scratch: &Scratch) -> Result<Child> {
    let mut hog = Command::new(local.program("hog"));
    hog.arg("--wait").arg("--cgroup").arg(escaped(&scratch.path)).args(["anon", "--mib", "1"]);
    hog.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("starting a second hog")
}

/// `afterwards` of the report about this cgroup.
fn of<'a>(reports: &'a [Value], cgroup: &str) -> Result<&'a Value> {
    let of_cgroup = |report: &&Value| *at(report, "/domain/cgroup") == *cgroup;
    let report = reports.iter().find(of_cgroup).with_context(|| format!("no report about {cgroup}"))?;
    Ok(at(report, "/afterwards"))
}
