//! Runs one command, from its preparation to its result.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::job::{self, Meanwhile};
use oomtrace_scenarios::observation::CommandRun;
use rustix::process::Signal;

use crate::leftovers;
use crate::machine::mounts::Hidden;
use crate::processes::{Process, Processes};
use crate::tracer::text;

/// The time limit of a command if the job sets none.
const USUAL: Duration = Duration::from_secs(60);

/// Run a command. Errors are part of the result.
pub(crate) fn observe(command: &job::Command) -> CommandRun {
    let mut seen = CommandRun { name: command.name.clone(), ..CommandRun::default() };
    seen.before = leftovers::traces();
    let mut processes = Processes::new();
    let ran = run(command, &mut processes, &mut seen);
    let ended = processes.end_all(Instant::now() + Duration::from_secs(10));
    seen.failure = ran.and(ended).err().map(|error| format!("{error:#}"));
    seen.after = leftovers::settled(&seen.before);
    seen
}

fn run(command: &job::Command, processes: &mut Processes, seen: &mut CommandRun) -> Result<()> {
    let hidden: Vec<Hidden> = command.hide.iter().map(|place| Hidden::new(place)).collect::<Result<_>>()?;
    let seconds = Duration::from_secs(command.deadline_s);
    let deadline = Instant::now() + if seconds.is_zero() { USUAL } else { seconds };
    let mut program = program(&command.arguments)?;
    if command.uid != 0 {
        program.uid(command.uid).gid(command.uid);
    }
    let number = processes.start(program.stdout(stdout(command.stdout)?))?;
    let disturbed = command.meanwhile.as_ref().map_or(Ok(()), |m| disturb(m, number, deadline, processes));
    processes.until(deadline, |p| p.get(number).is_ok_and(Process::is_over))?;
    drop(hidden);
    let process = processes.get(number)?;
    (seen.stdout, seen.stderr, seen.status) = (text(&process.out), text(&process.err), process.status);
    disturbed
}

/// Wait for the word on standard error, then disturb the running command.
fn disturb(what: &Meanwhile, number: usize, deadline: Instant, processes: &mut Processes) -> Result<()> {
    let heard = |p: &Processes| p.get(number).is_ok_and(|process| process.err_holds(&what.word));
    let over = |p: &Processes| p.get(number).is_ok_and(Process::is_over);
    processes.until(deadline, |p| heard(p) || over(p))?;
    anyhow::ensure!(heard(processes), "`{}` never came on standard error", what.word);
    if !what.run.is_empty() {
        let other = processes.start(program(&what.run)?.stdout(Stdio::piped()))?;
        processes.until(deadline, |p| p.get(other).is_ok_and(Process::is_over))?;
    }
    let Some(signal) = what.signal else { return Ok(()) };
    let signal = Signal::from_named_raw(signal).with_context(|| format!("no signal {signal}"))?;
    processes.signal(number, signal)
}

fn program(arguments: &[String]) -> Result<Command> {
    let (program, rest) = arguments.split_first().context("a command without a program")?;
    let mut command = Command::new(program);
    command.args(rest).current_dir("/tmp");
    Ok(command)
}

/// The destination of the command's output.
fn stdout(stdout: job::Stdout) -> Result<Stdio> {
    match stdout {
        job::Stdout::Collected => Ok(Stdio::piped()),
        job::Stdout::BrokenPipe => {
            let (reader, writer) = std::io::pipe().context("making a pipe")?;
            drop(reader);
            Ok(writer.into())
        }
    }
}
