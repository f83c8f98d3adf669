//! Machines on which `oomtrace watch` cannot work, and the ways in which it is stopped. Each must give one clear sentence and
//! the documented exit status, and leave nothing in the kernel.

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Command, HOG_FILE, Meanwhile, Stdout, TRACER_FILE};
use oomtrace_scenarios::observation::{CommandRun, Status};
use oomtrace_scenarios::scenario::Machine;

use super::Tally;
use crate::kernels::Kernel;
use crate::vm::guest::programs::{self, Programs};
use crate::vm::{abreast, commands};

/// Settings from hardening guides.
const HARDENED: &str = "sysctl.net.core.bpf_jit_harden=2 sysctl.kernel.unprivileged_bpf_disabled=2 sysctl.kernel.kptr_restrict=2 \
                        sysctl.kernel.perf_event_paranoid=3 sysctl.kernel.dmesg_restrict=1 sysctl.kernel.yama.ptrace_scope=3";

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// `oomtrace`'s exit status after success or a requested stop.
const SUCCESS: i32 = 0;
/// `oomtrace`'s exit status if a privilege is missing.
const PRIVILEGE: i32 = 3;
/// `oomtrace`'s exit status if the kernel cannot be traced.
const KERNEL: i32 = 4;

/// A guest, its commands, and the expected result of each.
struct Condition {
    /// Words added to the kernel's command line.
    command_line: &'static str,
    /// Whether tracefs is mounted.
    tracefs: bool,
    /// The commands.
    commands: Vec<Case>,
}

/// A command and its expected end.
struct Case {
    command: Command,
    /// Exit status.
    code: i32,
    /// A word that its standard error must contain.
    says: &'static str,
}

/// Kernels on which ftrace can be switched off.
const WITHOUT_FTRACE: [&str; 2] = ["5.10", "6.12"];

/// Run all conditions on the newest kernel, which supports the most, except those that it does not allow.
pub(crate) fn run(kernels: &[Kernel], tally: &mut Tally) -> Result<()> {
    let newest = kernels.last().context("no kernel for the conditions")?;
    let programs = programs::build(true)?;
    let without_ftrace = kernels.iter().filter(|kernel| WITHOUT_FTRACE.contains(&kernel.series.as_str()));
    let guests = conditions().into_iter().map(|condition| (condition, newest));
    let guests = guests.chain(without_ftrace.map(|kernel| (ftrace_off(), kernel))).collect();
    for (name, result) in
        abreast::map(guests, |(condition, kernel)| condition.run(kernel, &programs)).into_iter().flatten()
    {
        tally.count(&name, result);
    }
    Ok(())
}

impl Condition {
    /// Runs its commands, and returns the result of each.
    fn run(&self, kernel: &Kernel, programs: &Programs) -> Vec<(String, Result<()>)> {
        let machine = Machine { command_line: self.command_line.to_owned(), ..Machine::default() };
        let list: Vec<Command> = self.commands.iter().map(|case| case.command.clone()).collect();
        match commands::run(kernel, programs, &machine, self.tracefs, &list) {
            Ok(runs) => {
                let judged = self.commands.iter().zip(&runs);
                judged
                    .map(|(case, run)| (format!("{} on {}", run.name, kernel.series), case.judge(run)))
                    .collect()
            }
            Err(error) => vec![(format!("conditions on {}", kernel.series), Err(error))],
        }
    }
}

impl Case {
    fn new(command: Command, code: i32, says: &'static str) -> Self {
        Self { command, code, says }
    }

    fn judge(&self, run: &CommandRun) -> Result<()> {
        let said = run.stderr.to_chars();
        if let Some(failure) = &run.failure {
            anyhow::bail!("{failure}; it said: {said}");
        }
        ensure!(
            run.status == Some(Status::Code(self.code)),
            "it exited with {:?} and printed: {said}",
            run.status
        );
        ensure!(said.contains(self.says), "standard error does not contain `{}`: {said}", self.says);
        let trace = ["panicked", "stack backtrace"];
        ensure!(!trace.iter().any(|word| said.contains(word)), "it shows a backtrace: {said}");
        ensure!(run.before == run.after, "left behind: {:?} became {:?}", run.before, run.after);
        Ok(())
    }
}

/// `oomtrace watch` under normal conditions.
fn watch(name: &str) -> Command {
    let arguments = [TRACER_FILE, "watch", "--format", "json"].map(str::to_owned).to_vec();
    Command { name: name.to_owned(), arguments, deadline_s: 60, ..Command::default() }
}

/// The same with an empty directory over another one.
fn hiding(directory: &str, name: &str) -> Command {
    Command { hide: vec![directory.to_owned()], ..watch(name) }
}

/// The same, disturbed after it is armed.
fn disturbed(name: &str, run: &[&str], signal: Option<i32>) -> Command {
    let run = run.iter().map(|&word| word.to_owned()).collect();
    let meanwhile = Some(Meanwhile { word: "armed".to_owned(), run, signal });
    Command { meanwhile, ..watch(name) }
}

fn conditions() -> Vec<Condition> {
    let locked = "lsm=lockdown,capability lockdown=confidentiality";
    vec![
        Condition { command_line: "", tracefs: true, commands: in_a_plain_guest() },
        Condition {
            command_line: locked,
            tracefs: true,
            commands: vec![
                Case::new(watch("lockdown"), KERNEL, "lockdown"),
                Case::new(hiding("/sys/kernel/security", "lockdown, securityfs hidden"), KERNEL, "lockdown"),
            ],
        },
        Condition { command_line: "", tracefs: false, commands: ended("tracefs not mounted", "armed") },
        Condition {
            command_line: HARDENED,
            tracefs: true,
            commands: ended("hardened", "armed, tier fentry"),
        },
        Condition {
            command_line: "lsm=lockdown,capability lockdown=integrity",
            tracefs: true,
            commands: ended("lockdown=integrity", "armed, tier fentry"),
        },
        Condition {
            command_line: "cgroup_disable=memory",
            tracefs: true,
            commands: ended("no memory controller", "armed, tier fentry"),
        },
    ]
}

/// Switches ftrace off. The kernel then calls no probe and no trampoline, so an armed tracer would see nothing.
fn ftrace_off() -> Condition {
    Condition {
        command_line: "sysctl.kernel.ftrace_enabled=0",
        tracefs: true,
        commands: ended("kernel.ftrace_enabled=0", "armed, tier tracepoint"),
    }
}

/// `oomtrace watch` that arms with these words and is then stopped.
fn ended(name: &str, says: &'static str) -> Vec<Case> {
    vec![Case::new(disturbed(name, &[], Some(SIGTERM)), SUCCESS, says)]
}

fn in_a_plain_guest() -> Vec<Case> {
    let unprivileged = Command { uid: 1000, ..watch("not root") };
    let no_btf = hiding("/sys/kernel/btf", "no BTF");
    let kill = [HOG_FILE, "--adj", "1000", "anon", "--mib", "4096"];
    let closed = Command { stdout: Stdout::BrokenPipe, ..disturbed("closed stdout", &kill, None) };
    let interrupted = disturbed("SIGINT", &[], Some(SIGINT));
    let terminated = disturbed("SIGTERM", &[], Some(SIGTERM));
    vec![
        Case::new(unprivileged, PRIVILEGE, "root"),
        Case::new(no_btf, KERNEL, "BTF"),
        Case::new(interrupted, SUCCESS, "incident"),
        Case::new(terminated, SUCCESS, "incident"),
        Case::new(closed, SUCCESS, ""),
    ]
}
