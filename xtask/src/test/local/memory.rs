//! The tracing thread takes no memory from the kernel between the first frame of a kill and its report.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{Local, kills::kill_one, tracer::Tracer};
use crate::host::{run::say, scratch::Scratch, setup};

/// Kills without a pause, and how often.
const KILLS: usize = 10;
const ROUNDS: usize = 4;

/// System calls by which a program takes memory from the kernel, or gives it back.
const MEMORY: [&str; 6] = ["brk", "mmap", "munmap", "mremap", "madvise", "mprotect"];

/// Time after which the incidents of a round are closed: they wait a second for what user space does.
const CLOSED: Duration = Duration::from_secs(2);

/// Checks the system calls of the tracing thread in kills, and prints its page faults.
pub(super) fn none_in_a_kill(local: &Local) -> Result<()> {
    setup::apt(&["strace"])?;
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-test-memory", 4 << 20)?;
    let only = ["watch", "--format", "json", "--cgroup", "/oomtrace-test-memory"];
    let tracer = Tracer::start(local, &only)?;
    let pid = tracer.pid();
    let file = local.program("memory.strace");
    let strace = Strace::attach(pid, &file.display().to_string())?;
    let (before, mut kills) = (faults(pid)?, 0);
    for _ in 0..ROUNDS {
        for _ in 0..KILLS {
            kill_one(local, &scratch, &[])?;
            kills += 1;
        }
        thread::sleep(CLOSED);
    }
    let after = faults(pid)?;
    strace.detach()?;
    let reports = tracer.end("-INT")?.reports()?.len();
    let seen = judge(&fs::read_to_string(&file).context("reading what strace wrote")?);
    fs::remove_file(&file).context("removing what strace wrote")?;
    say(&format!("{kills} kills: {} page faults, {seen:?}", after.saturating_sub(before)));
    ensure!(reports == kills && seen.reports == kills, "{reports} reports of {kills} kills, {seen:?}");
    ensure!(seen.inside.is_empty(), "memory was taken during a kill: {:?}", seen.inside);
    Ok(())
}

/// The page faults of a process's first thread.
fn faults(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).context("reading page faults")?;
    // The name in parentheses may contain spaces. The third field follows it, and the tenth and twelfth are counts of faults.
    let (_, rest) = stat.rsplit_once(')').context("no name in the thread's state")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
    field(10)
        .zip(field(12))
        .map(|(minor, major)| minor + major)
        .context("no page faults in the thread's state")
}

/// System calls of the tracing thread.
#[derive(Debug, Default)]
struct Seen {
    /// Reports that were written.
    reports: usize,
    /// Calls for memory outside of kills: the reserve is filled again.
    outside: usize,
    /// Calls for memory after frames had come, and before the report was written.
    inside: Vec<String>,
}

/// A round begins when the thread wakes up for a descriptor, and ends when it has written the reports of all its kills.
fn judge(trace: &str) -> Seen {
    let mut seen = Seen::default();
    let mut is_inside = false;
    for line in trace.lines() {
        let call = line.split('(').next().unwrap_or_default();
        let result = line.rsplit_once(" = ").map_or("", |(_, result)| result);
        match call {
            "poll" | "ppoll" if result.starts_with(|first: char| ('1'..='9').contains(&first)) => {
                is_inside = true;
            }
            "write" if line.starts_with("write(1,") => {
                seen.reports += 1;
                is_inside = !seen.reports.is_multiple_of(KILLS);
            }
            call if MEMORY.contains(&call) && is_inside => seen.inside.push(line.to_owned()),
            call if MEMORY.contains(&call) => seen.outside += 1,
            _ => {}
        }
    }
    seen
}

/// A running `strace` of one thread.
struct Strace(Child);

impl Strace {
    fn attach(thread: u32, output: &str) -> Result<Self> {
        let calls = format!("trace=write,poll,ppoll,{}", MEMORY.join(","));
        let mut strace = Command::new("strace");
        strace.args(["-p", &thread.to_string(), "-o", output, "-s", "0", "-e", &calls]);
        let mut child = strace.stderr(Stdio::piped()).spawn().context("starting strace")?;
        let mut stderr = BufReader::new(child.stderr.take().context("strace has no standard error")?);
        let mut said = String::new();
        let read = stderr.read_line(&mut said);
        // Its further messages must be read.
        thread::spawn(move || stderr.lines().count());
        let strace = Self(child);
        read.context("reading strace's messages")?;
        ensure!(said.contains("attached"), "strace did not attach: {said}");
        Ok(strace)
    }

    fn detach(mut self) -> Result<()> {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().context("interrupting strace")?;
        self.0.wait().context("waiting for strace").map(drop)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
