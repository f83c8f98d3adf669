//! Frames as text, one per line, for bug reports.

mod fields;

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use oomtrace_common::{
    event::{
        Arguments, EmptyPasses, Executable, Exit, KillProcess, MarkVictim, Memcg, Node, OomGroup,
        OomKillProcess, OutOfMemory, OutOfMemoryReturn, Reap, Sigkill, Stack, SysrqOom, UserKills, Zone,
    },
    frame::Kind,
};
use zerocopy::{FromBytes, IntoBytes};

use self::fields::{Fields, Print};
use super::terminal::sanitize::sentence;
use crate::{decode::candidates, frame::Frame};

/// Writes one frame: its offset, time (seconds since boot), kind, pass (ns, `-` for none) and length, then its content. Fields
/// of a kernel frame that were not read are `-`. A context frame is shown as its JSON.
///
/// # Errors
///
/// If the output cannot be written.
pub fn write(output: &mut impl Write, offset: u64, frame: &Frame<'_>) -> io::Result<()> {
    let header = frame.header;
    let (seconds, ns) = (header.boot_ns / 1_000_000_000, header.boot_ns % 1_000_000_000);
    let kind = Kind::from_number(header.kind);
    let name = kind.map_or_else(|| format!("{:#x}", header.kind), |kind| format!("{kind:?}"));
    let pass = if header.pass == 0 { "-".to_owned() } else { header.pass.to_string() };
    let content = content(kind, frame.payload);
    let line =
        format!("{offset:>10} {seconds:>6}.{ns:09} {name:<17} pass={pass} len={} {content}", header.len);
    writeln!(output, "{}", line.trim_end())
}

fn content(kind: Option<Kind>, payload: &[u8]) -> String {
    kind.map_or_else(|| hex(payload), |kind| of_kind(kind, payload))
}

#[expect(clippy::too_many_lines, reason = "one line for each kind")]
fn of_kind(kind: Kind, payload: &[u8]) -> String {
    match kind {
        Kind::OutOfMemory => fields::<OutOfMemory>(payload),
        Kind::OutOfMemoryReturn => fields::<OutOfMemoryReturn>(payload),
        Kind::OomKillProcess => fields::<OomKillProcess>(payload),
        Kind::KillProcess => fields::<KillProcess>(payload),
        Kind::OomGroup => fields::<OomGroup>(payload),
        Kind::MarkVictim => fields::<MarkVictim>(payload),
        Kind::Memcg => fields::<Memcg>(payload),
        Kind::EmptyPasses => fields::<EmptyPasses>(payload),
        Kind::Sigkill | Kind::Sigterm => fields::<Sigkill>(payload),
        Kind::UserKills => fields::<UserKills>(payload),
        Kind::Exit => fields::<Exit>(payload),
        Kind::Reap => fields::<Reap>(payload),
        Kind::SysrqOom => fields::<SysrqOom>(payload),
        Kind::Arguments | Kind::VictimArguments => fields::<Arguments>(payload),
        Kind::Executable => fields::<Executable>(payload),
        Kind::Zone => fields::<Zone>(payload),
        Kind::Node => fields::<Node>(payload),
        Kind::Stack => fields::<Stack>(payload),
        Kind::Session
        | Kind::Process
        | Kind::Sysctl
        | Kind::Tick
        | Kind::Loss
        | Kind::MemoryStat
        | Kind::Machine
        | Kind::CgroupPaths
        | Kind::Pressure
        | Kind::RecorderLoss
        | Kind::Clock
        | Kind::Names
        | Kind::Zones
        | Kind::Meminfo
        | Kind::Surroundings
        | Kind::KernelSymbols
        | Kind::UserSymbols
        | Kind::LeadUp
        | Kind::Prekill
        | Kind::Forecast
        | Kind::Afterwards => json(payload),
        Kind::Candidate => table(payload),
    }
}

/// The table of candidates: its counts, and the rows in brackets.
fn table(payload: &[u8]) -> String {
    let mut fields = Fields::default();
    candidates(payload).print(&mut fields);
    fields.text
}

/// The payload as text. Bytes that are not UTF-8 are not JSON and are shown in hexadecimal.
fn json(payload: &[u8]) -> String {
    std::str::from_utf8(payload).map_or_else(|_| hex(payload), sentence)
}

fn hex(payload: &[u8]) -> String {
    payload.iter().fold(String::from("0x"), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The fields of an event. A missing tail reads as zero, as in every reader. A surplus is shown.
fn fields<Event: Print + FromBytes + IntoBytes>(payload: &[u8]) -> String {
    let mut event = Event::new_zeroed();
    for (to, from) in event.as_mut_bytes().iter_mut().zip(payload) {
        *to = *from;
    }
    let mut fields = Fields::default();
    event.print(&mut fields);
    match payload.get(size_of::<Event>()..) {
        Some(surplus) if !surplus.is_empty() => fields.show("surplus", hex(surplus)),
        _ => {}
    }
    fields.text
}

#[cfg(test)]
mod tests;
