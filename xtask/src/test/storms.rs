//! `cargo xtask storms`: storms of kills beside a tracer that is stopped for a while. The reported kills and those counted as missed must
//! add up to the kernel's own count.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::local::{
    Local,
    kills::kill_one,
    tracer::{Said, Tracer, at},
};
use crate::host::{
    scratch::{self, Scratch},
    setup,
};

/// `cargo xtask storms`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many storms
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Kills of each storm
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Seconds for which the tracer is stopped, from the beginning of the storm
    #[arg(long, default_value_t = 8)]
    stopped_s: u64,
}

/// The cgroups, each with one hog at a time.
const CGROUPS: u32 = 4;

/// The limit of a cgroup, bytes.
const LIMIT: u64 = 2 << 20;

/// The files that count a cgroup's kills: v2 and v1.
const COUNTERS: [&str; 2] = ["memory.events", "memory.oom_control"];

/// Runs the storms and prints a row for each.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    ensure!(setup::is_root()?, "tracing and creating cgroups need root: run `sudo cargo xtask storms`");
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
    let local = Local::new(hierarchy)?;
    println!(
        "| run | the kernel's count | reported | said to be missed | frames lost |\n| --- | --- | --- | --- | --- |"
    );
    for run in 1..=arguments.runs {
        let (counts, said) = storm(&local, arguments).with_context(|| format!("run {run}"))?;
        let row = judge(&counts, &said).with_context(|| format!("run {run}"))?;
        println!("| {run} | {row} |");
    }
    Ok(())
}

/// Kills while the tracer is stopped for a while. Returns the kernel's own count of each cgroup.
fn storm(local: &Local, arguments: &Arguments) -> Result<(BTreeMap<String, u64>, Said)> {
    let name = |number| format!("oomtrace-storm-{number}");
    let scratches: Vec<(String, Scratch)> = (0..CGROUPS)
        .map(|number| {
            Ok((
                format!("/{}", name(number)),
                Scratch::new(&local.hierarchy, name(number).as_bytes(), LIMIT)?,
            ))
        })
        .collect::<Result<_>>()?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    tracer.signal("-STOP")?;
    let begun = AtomicU32::new(0);
    thread::scope(|scope| {
        let kill = |scratch| -> Result<()> {
            while begun.fetch_add(1, Ordering::Relaxed) < arguments.kills {
                kill_one(local, scratch, &[])?;
            }
            Ok(())
        };
        let threads: Vec<_> =
            scratches.iter().map(|(_, scratch)| scope.spawn(move || kill(scratch))).collect();
        thread::sleep(Duration::from_secs(arguments.stopped_s));
        let went_on = tracer.signal("-CONT");
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread died"))?);
        ended.chain([went_on]).collect::<Result<()>>()
    })?;
    let said = tracer.end("-INT")?;
    let counts = scratches.iter().map(|(path, scratch)| Ok((path.clone(), kernels_count(scratch)?)));
    Ok((counts.collect::<Result<_>>()?, said))
}

/// The kernel's count of the processes that it killed in a cgroup.
fn kernels_count(scratch: &Scratch) -> Result<u64> {
    let files = COUNTERS.iter().filter_map(|name| fs::read_to_string(scratch.path.join(name)).ok());
    let count =
        |text: String| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    files.into_iter().find_map(count).context("the kernel does not count the kills of a cgroup")
}

/// Compares. Returns the figures of a row.
fn judge(counts: &BTreeMap<String, u64>, said: &Said) -> Result<String> {
    ensure!(said.status.success(), "the tracer exited with {}: {}", said.status, said.stderr);
    let mut reported: BTreeMap<String, u64> = BTreeMap::new();
    for report in said.reports()? {
        for victim in at(&report, "/victims").as_array().into_iter().flatten() {
            let cgroup = at(victim, "/cgroup").as_str().context("a victim without a cgroup")?;
            *reported.entry(cgroup.to_owned()).or_default() += 1;
        }
    }
    for (cgroup, count) in &reported {
        let known = counts
            .get(cgroup)
            .with_context(|| format!("a victim in {cgroup}, which is no cgroup of this test"))?;
        ensure!(count <= known, "{count} victims in {cgroup}, and the kernel killed {known}");
    }
    let all: u64 = counts.values().sum();
    let seen: u64 = reported.values().sum();
    // The line has this number only if a kill was missed.
    let missed = said.counted("OOM").unwrap_or(0);
    ensure!(
        all == seen + missed,
        "the kernel killed {all}, {seen} were reported, {missed} said to be missed"
    );
    let lost = said.counted("lost").context("no count of lost frames")?;
    Ok(format!("{all} | {seen} | {missed} | {lost}"))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::{Said, judge};

    fn said(cgroups: &[&str], totals: &str) -> Said {
        let line = |cgroup: &&str| format!("{{\"victims\":[{{\"cgroup\":\"{cgroup}\"}}]}}\n");
        let stdout = cgroups.iter().map(line).collect::<String>().into_bytes();
        Said { status: ExitStatus::from_raw(0), stdout, stderr: format!("oomtrace: {totals}\n") }
    }

    #[test]
    fn accepts_only_the_kernels_own_count() {
        let counts = [("/a".to_owned(), 2), ("/b".to_owned(), 3)].into();
        let all = ["/a", "/a", "/b", "/b", "/b"];
        let none_lost = "5 incidents, 5 victims, 50 frames, 0 lost";
        assert_eq!(judge(&counts, &said(&all, none_lost)).unwrap(), "5 | 5 | 0 | 0");
        let some = "4 incidents, 4 victims, 40 frames, 9 lost (among them all frames of 1 OOM kills)";
        assert_eq!(judge(&counts, &said(&all[1..], some)).unwrap(), "5 | 4 | 1 | 9");
        let error =
            |cgroups: &[&str], totals| judge(&counts, &said(cgroups, totals)).unwrap_err().to_string();
        assert_eq!(error(&all[1..], none_lost), "the kernel killed 5, 4 were reported, 0 said to be missed");
        assert_eq!(error(&["/a", "/a", "/a"], some), "3 victims in /a, and the kernel killed 2");
        assert_eq!(error(&["/c"], some), "a victim in /c, which is no cgroup of this test");
    }
}
