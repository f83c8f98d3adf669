//! Measures the cost of decisions: a cgroup full of small processes runs out of memory repeatedly, with and without the tracer.

mod crowd;
mod durations;
mod programs;

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use oomtrace_scenarios::cost::{Ballot, Measured, Plan};
use oomtrace_scenarios::job::Watch;
use serde_json::Value;

use self::crowd::Crowd;
use self::durations::Durations;
use crate::job::fixed_work;
use crate::machine::port::Port;
use crate::machine::sysctl::Sysctl;
use crate::processes::Processes;
use crate::tracer::Tracer;

/// The time between two decisions. The kernel logs at most ten in five seconds (`oom_rs` of
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1014>), and all measured decisions must be alike.
const PACE: Duration = Duration::from_millis(600);
/// The time limit for a report.
const REPORTING: Duration = Duration::from_secs(60);
/// The time limit for the return from a decision after the victim has exited, and the time between two looks.
const RETURNING: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Measure each crowd, with and without a dump of all tasks in the kernel's log, and send the results.
pub(crate) fn measure(plan: &Plan, port: &mut Port) -> Result<()> {
    let fixed_work = fixed_work::measure()?;
    let durations = Durations::from_now(plan.of_machine)?;
    for &count in &plan.crowds {
        let crowd =
            Crowd::gather(count, plan.of_machine).with_context(|| format!("gathering a crowd of {count}"))?;
        for dump_tasks in [false, true] {
            let _sysctl = Sysctl::set("vm/oom_dump_tasks", if dump_tasks { "1" } else { "0" })?;
            let mut measured = Measured {
                release: rustix::system::uname().release().to_string_lossy().into_owned(),
                crowd: count,
                dump_tasks,
                crowd_bytes: crowd.bytes,
                fixed_work,
                ..Measured::default()
            };
            take_turns(plan, &crowd, &durations, &mut measured)?;
            port.send(&measured)?;
        }
        crowd.disperse()?;
    }
    Ok(())
}

/// Measure alternately without and with the tracer. At the end, measure with the tracer while the kernel times its programs.
fn take_turns(plan: &Plan, crowd: &Crowd, durations: &Durations, measured: &mut Measured) -> Result<()> {
    for _ in 0..plan.rounds {
        let mut processes = Processes::new();
        for _ in 0..plan.decisions {
            measured.without_ns.push(decide(crowd, durations, &mut processes)?);
            thread::sleep(PACE);
        }
        let mut watched = Watched::start(plan)?;
        measured.with_ns.extend(watched.decide(plan.decisions, crowd, durations)?);
        measured.ballot = watched.end()?;
    }
    let _timing = Sysctl::set("kernel/bpf_stats_enabled", "1")?;
    let mut watched = Watched::start(plan)?;
    let before = programs::all()?;
    watched.decide(plan.decisions, crowd, durations)?;
    measured.programs = programs::growth(&before, programs::all()?);
    measured.counted = plan.decisions;
    watched.end()?;
    Ok(())
}

/// Cause one decision and return its duration. Of all calls that one excess process causes, the longest is the decision: the
/// others find a task that is already dying.
fn decide(crowd: &Crowd, durations: &Durations, processes: &mut Processes) -> Result<u64> {
    durations.forget()?;
    crowd.run_out(processes)?;
    let deadline = Instant::now() + RETURNING;
    loop {
        if let Some(longest) = durations.seen()?.into_iter().max() {
            return Ok(longest);
        }
        // After SysRq-f, a kernel thread decides. The victim may exit before that thread returns.
        ensure!(Instant::now() < deadline, "no decision was made");
        thread::sleep(LOOK);
    }
}

/// A tracer, and the number of reports that it must have printed.
struct Watched {
    processes: Processes,
    tracer: Tracer,
    reports: usize,
}

impl Watched {
    fn start(plan: &Plan) -> Result<Self> {
        let how = Watch { tier: plan.tier, fault: None, recording: None, keep: false, forecast_s: None };
        let mut processes = Processes::new();
        let tracer = Tracer::start(&mut processes, &how, Stdio::piped())?;
        Ok(Self { processes, tracer, reports: 0 })
    }

    /// Cause this many decisions, each after the report of the previous one.
    fn decide(&mut self, decisions: u32, crowd: &Crowd, durations: &Durations) -> Result<Vec<u64>> {
        let mut took = Vec::new();
        for _ in 0..decisions {
            took.push(decide(crowd, durations, &mut self.processes)?);
            self.reports += 1;
            let deadline = Instant::now() + REPORTING;
            let reports = self.reports;
            let awaited = |lines: &[Vec<u8>]| lines.len() >= reports;
            let told = self.tracer.has_told(awaited, deadline, &mut self.processes)?;
            ensure!(told, "the tracer did not report decision {}", self.reports);
            thread::sleep(PACE);
        }
        Ok(took)
    }

    /// Stop the tracer. Returns the ballot of its last report.
    fn end(mut self) -> Result<Ballot> {
        let lines = &self.tracer.end(&mut self.processes)?.out;
        let last = lines.last().context("the tracer printed no report")?;
        Ok(ballot(&serde_json::from_slice(last).context("reading the tracer's last report")?))
    }
}

fn ballot(report: &Value) -> Ballot {
    let number = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or_default();
    let rows = report.get("candidates").and_then(Value::as_array);
    let first = report.pointer("/candidates/0/pid").and_then(Value::as_u64);
    let victim = report.pointer("/victims/0/pid").and_then(Value::as_u64);
    Ballot {
        total: number("candidates_total"),
        rows: rows.and_then(|rows| u64::try_from(rows.len()).ok()).unwrap_or_default(),
        left_out: number("candidates_left_out"),
        first_is_victim: first.is_some() && first == victim,
    }
}
