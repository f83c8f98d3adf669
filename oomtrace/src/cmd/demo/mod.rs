//! `oomtrace demo`: one contained kill, explained.

mod scratch;
pub(super) mod victim;

use std::{
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use self::scratch::{LIMIT_BYTES, Scratch};
use super::shared::{output, say::say, signals::Stop};
use crate::{
    cli::Demo,
    exit::Exit,
    kernel::{
        cmdlines::Cmdlines,
        pid_namespace::has_machines_pids,
        start::{Started, start},
    },
    pipeline::Pipeline,
    report::Report,
    source::{Ended, cgroup::cgroupfs::MemoryHierarchy, live::Live, session},
};

/// The time that the report may take after the victim's end.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(options: &Demo) -> Result<Exit> {
    let stdout = std::io::stdout();
    let stop = Stop::on_signals()?;
    let Started { armed, facts, resolved } = start(options.tier.into(), Cmdlines::Read)?;
    let hierarchy = MemoryHierarchy::find()
        .context("no cgroup hierarchy with the memory controller is mounted; the demo needs one")?;
    let tier = armed.tier;
    let session = session::frame(&armed, facts, &resolved, Vec::new());
    let mut live = Live::new(armed, session, stop.readable.as_fd(), None)?;
    let scratch = Scratch::create(&hierarchy)?;
    say(format_args!("armed, tier {}", tier.name()));
    say(format_args!(
        "starting a process that exceeds {} MiB in {}",
        LIMIT_BYTES >> 20,
        scratch.path().display()
    ));
    let victim = spawn(&scratch)?;
    let pid = i32::try_from(victim.id()).context("the victim's pid")?;
    let watcher = give_up_after(victim, &stop)?;
    let sinks = vec![output::sink(options.format, stdout)];
    let is_ours = if has_machines_pids() { Report::has_victim } else { Report::has_victim_inside };
    let only_ours = Box::new(move |report: &Report| is_ours(report, pid));
    let (_, ended) = Pipeline::new(sinks, only_ours).stop_after(1).run(&mut live)?;
    drop(scratch);
    if ended == Some(Ended::Signal) {
        let killed = watcher.is_finished() && watcher.join().is_ok_and(|killed| killed);
        if killed {
            bail!(
                "the demo's process was killed, but oomtrace received no report; run \"oomtrace check\" to see why"
            );
        }
        say("interrupted; the scratch cgroup has been removed");
    }
    Ok(Exit::Success)
}

fn spawn(scratch: &Scratch) -> Result<Child> {
    Command::new("/proc/self/exe")
        .arg("demo-victim")
        .arg(scratch.path().join("cgroup.procs"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("starting the demo's process")
}

/// Waits for the victim, and ends the stream if no report comes; returns whether the victim was killed.
fn give_up_after(mut victim: Child, stop: &Stop) -> Result<thread::JoinHandle<bool>> {
    let end = stop.writable.try_clone().context("watching the demo's process")?;
    Ok(thread::spawn(move || {
        use std::os::unix::process::ExitStatusExt as _;
        let killed = victim.wait().is_ok_and(|status| status.signal() == Some(libc::SIGKILL));
        thread::sleep(PATIENCE);
        // If the pipe is full or closed, the stream has ended or is about to end.
        let _ = rustix::io::write(&end, b"x");
        killed
    }))
}
