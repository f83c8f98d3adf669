//! The sender of the last signal to a process, from recordings: for a process that memory did not kill.
//!
//! The kernel side sends a frame for each SIGKILL from user space, up to a limit per second, and for each SIGTERM within two seconds
//! of an OOM kill or by a program whose purpose is to kill. Recordings keep these frames even if memory was not short.

use std::io;

use anyhow::Result;
use oomtrace_common::frame::Kind;
use serde::Serialize;

use crate::{
    bytes::ByteString,
    cli::TableFormat,
    context::{Clock, Session},
    decode::decode,
    event::Event,
    frame::Frame,
    incident::Task,
    pipeline::PipelineError,
    report::Target,
    sink::{json, terminal::sanitize},
    source::{Batch, Source, SourceError},
};

/// The version of the JSON's shape. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// The frames that matter.
const KINDS: [Kind; 4] = [Kind::Session, Kind::Clock, Kind::Sigkill, Kind::Sigterm];

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// A signal that another process sent (`docs/why.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Signal {
    schema: u32,
    verdict: &'static str,
    pid: i32,
    comm: ByteString,
    signal: i32,
    time: Option<String>,
    sender: Sender,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Sender {
    pid: i32,
    comm: ByteString,
}

/// A source that notes the last signal to a process.
pub(super) struct Noted<S> {
    source: S,
    /// `None` if the question is not about one process.
    pid: Option<i32>,
    /// The period of the question, Unix time in ns.
    period: (i128, i128),
    session: Option<Session>,
    last: Option<Signal>,
}

impl<S> Noted<S> {
    pub(super) const fn new(source: S, target: &Target, period: (i128, i128)) -> Self {
        let pid = match target {
            Target::Pid(pid) => Some(*pid),
            Target::Cgroup(_) | Target::Name(_) => None,
        };
        Self { source, pid, period, session: None, last: None }
    }

    /// The last signal so far.
    pub(super) const fn last(&self) -> Option<&Signal> {
        self.last.as_ref()
    }

    fn note(&mut self, batch: &[u8], wanted: i32) {
        for (frame, _) in Frame::each(batch) {
            let kind = frame.header.kind;
            if !KINDS.map(Kind::number).contains(&kind) {
                continue;
            }
            let boot_ns = frame.header.boot_ns;
            match decode(&frame).ok().flatten().map(|stamped| stamped.event) {
                Some(Event::Session(session)) => self.session = Some(session),
                Some(Event::Clock(clock)) => self.set_clock(&clock),
                Some(Event::Sigkill(kill)) => self.take(boot_ns, &kill, SIGKILL, wanted),
                Some(Event::Sigterm(kill)) => self.take(boot_ns, &kill, SIGTERM, wanted),
                _ => {}
            }
        }
    }

    /// Later signals have the time of the new clock.
    fn set_clock(&mut self, clock: &Clock) {
        if let Some(session) = &mut self.session {
            session.wall_offset_ns = clock.wall_offset_ns;
            session.monotonic_offset_ns = clock.monotonic_offset_ns;
        }
    }

    fn take(&mut self, boot_ns: u64, kill: &oomtrace_common::event::Sigkill, signal: i32, wanted: i32) {
        let sender = Task::from(&kill.sender);
        let from_user = kill.origin != oomtrace_common::event::Sigkill::FROM_KERNEL;
        // A process that exits sends its children the signal that they asked for (`PR_SET_PDEATHSIG`).
        let is_sent = from_user && kill.result == 0 && !sender.is_exiting() && !sender.is_kthread();
        if kill.pid != wanted || kill.pid == kill.sender_pid || !is_sent {
            return;
        }
        let wall_ns = self.session.as_ref().map(|session| session.wall_ns(boot_ns));
        let (since, until) = self.period;
        let is_bounded = (since, until) != (i128::MIN, i128::MAX);
        if wall_ns.map_or(is_bounded, |at| at < since || at > until) {
            return;
        }
        self.last = Some(Signal {
            schema: SCHEMA,
            verdict: "signal",
            pid: kill.pid,
            comm: ByteString::until_nul(&kill.comm),
            signal,
            time: self.session.as_ref().and_then(|session| session.date(boot_ns)),
            sender: Sender { pid: kill.sender_pid, comm: ByteString::until_nul(&kill.sender_comm) },
        });
    }
}

impl<S: Source> Source for Noted<S> {
    fn next(&mut self, deadline: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        let result = self.source.next(deadline, batch);
        if let Some(pid) = self.pid {
            self.note(batch, pid);
        }
        result
    }
}

/// Prints the signal.
pub(super) fn tell(signal: &Signal, format: TableFormat) -> Result<()> {
    let mut stdout = io::stdout();
    let printed = match format {
        TableFormat::Json => json::line(&mut stdout, signal),
        TableFormat::Text => io::Write::write_all(&mut stdout, format!("{}\n", sentence(signal)).as_bytes()),
    };
    Ok(printed.map_err(PipelineError::Output)?)
}

fn sentence(signal: &Signal) -> String {
    let Signal { pid, comm, signal, time, sender, .. } = signal;
    let name = if *signal == SIGTERM { "SIGTERM" } else { "SIGKILL" };
    let time = time.as_deref().unwrap_or("at an unknown time");
    let (comm, by) = (sanitize::name(comm.as_bytes()), sanitize::name(sender.comm.as_bytes()));
    format!("no: {by} (pid {}) sent {name} to {comm} (pid {pid}), {time}", sender.pid)
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::Sigkill;
    use zerocopy::FromZeros as _;

    use super::{Noted, Target, sentence};
    use crate::{
        frame::kernel_frame,
        source::{Batch, Ended, Source, SourceError},
    };

    /// One batch.
    struct Once(Vec<u8>);

    impl Source for Once {
        fn next(&mut self, _: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
            *batch = std::mem::take(&mut self.0);
            Ok(Batch::Last(Ended::Recording))
        }
    }

    fn kill(pid: i32, sender: &[u8], origin: u32) -> Vec<u8> {
        let mut kill = Sigkill::new_zeroed();
        (kill.pid, kill.sender_pid, kill.origin) = (pid, 7, origin);
        kill.comm[..5].copy_from_slice(b"nginx");
        kill.sender_comm[..sender.len()].copy_from_slice(sender);
        kernel_frame(1_000, 0, &kill)
    }

    fn said(frames: &[Vec<u8>], target: &[u8]) -> Option<String> {
        let period = (i128::MIN, i128::MAX);
        let mut noted = Noted::new(Once(frames.concat()), &Target::of(target), period);
        noted.next(None, &mut Vec::new()).unwrap();
        noted.last().map(sentence)
    }

    #[test]
    fn names_the_last_sender_of_this_process_from_user_space() {
        let user = Sigkill::FROM_SIGINFO;
        let frames = [
            kill(812, b"sh", user),
            kill(812, b"kill\x1b[2J", user),
            kill(813, b"other", user),
            kill(812, b"swapper", Sigkill::FROM_KERNEL),
        ];
        let told = said(&frames, b"812").unwrap();
        assert!(told.starts_with("no: kill"), "{told}");
        assert!(told.ends_with("(pid 7) sent SIGKILL to nginx (pid 812), at an unknown time"), "{told}");
        assert!(!told.contains('\x1b'), "{told}");
        assert_eq!(said(&frames, b"814"), None);
        assert_eq!(said(&frames, b"/box"), None);
    }
}
