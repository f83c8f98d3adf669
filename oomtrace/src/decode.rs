//! Decodes frames into events. Any input gives an event, nothing, or an error that names the place.

mod candidates;

use oomtrace_common::frame::Kind;
use serde::de::DeserializeOwned;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

pub(crate) use self::candidates::candidates;
use crate::{
    event::{Event, Shortage, Stamped},
    frame::{DecodeError, Frame},
};

/// Decodes a frame; `None` for a kind that this version does not know.
///
/// # Errors
///
/// If the JSON of a context frame does not match its kind.
pub fn decode(frame: &Frame<'_>) -> Result<Option<Stamped>, DecodeError> {
    let Some(kind) = Kind::from_number(frame.header.kind) else { return Ok(None) };
    let event = event(kind, frame.payload)?;
    let pass = (frame.header.pass != 0).then_some(frame.header.pass);
    Ok(Some(Stamped { boot_ns: frame.header.boot_ns, pass, event }))
}

#[expect(clippy::too_many_lines, reason = "one line for each kind")]
fn event(kind: Kind, payload: &[u8]) -> Result<Event, DecodeError> {
    Ok(match kind {
        Kind::OutOfMemory => Event::OutOfMemory(wire(payload)),
        Kind::OutOfMemoryReturn => Event::OutOfMemoryReturn(wire(payload)),
        Kind::OomKillProcess => Event::OomKillProcess(wire(payload)),
        Kind::KillProcess => Event::KillProcess(wire(payload)),
        Kind::OomGroup => Event::OomGroup(wire(payload)),
        Kind::MarkVictim => Event::MarkVictim(wire(payload)),
        Kind::Memcg => Event::Memcg(wire(payload)),
        Kind::EmptyPasses => Event::EmptyPasses(wire(payload)),
        Kind::Sigkill => Event::Sigkill(wire(payload)),
        Kind::Exit => Event::Exit(wire(payload)),
        Kind::Reap => Event::Reap(wire(payload)),
        Kind::Arguments | Kind::VictimArguments => Event::Arguments(wire(payload)),
        Kind::Executable => Event::Executable(wire(payload)),
        Kind::Zone => Event::Shortage(Shortage::Zone(Box::new(wire(payload)))),
        Kind::Node => Event::Shortage(Shortage::Node(Box::new(wire(payload)))),
        Kind::Stack => Event::Shortage(Shortage::Stack(Box::new(wire(payload)))),
        Kind::SysrqOom => Event::SysrqOom(wire(payload)),
        Kind::UserKills => Event::UserKills(wire(payload)),
        Kind::Sigterm => Event::Sigterm(wire(payload)),
        Kind::Candidate => Event::Candidates(candidates(payload)),
        Kind::Session => Event::Session(json(kind, payload)?),
        Kind::Process => Event::Process(json(kind, payload)?),
        Kind::Sysctl => Event::Sysctl(json(kind, payload)?),
        Kind::Machine => Event::Machine(json(kind, payload)?),
        Kind::RecorderLoss => Event::RecorderLoss(json(kind, payload)?),
        Kind::Clock => Event::Clock(json(kind, payload)?),
        Kind::Tick => Event::Tick(json(kind, payload)?),
        Kind::Loss => Event::Loss(json(kind, payload)?),
        Kind::MemoryStat => Event::MemoryStat(json(kind, payload)?),
        Kind::CgroupPaths => Event::CgroupPaths(json(kind, payload)?),
        Kind::Pressure => Event::Pressure(json(kind, payload)?),
        Kind::Names => Event::Names(json(kind, payload)?),
        Kind::LeadUp => Event::LeadUp(json(kind, payload)?),
        Kind::Prekill => Event::Prekill(json(kind, payload)?),
        Kind::Forecast => Event::Forecast(json(kind, payload)?),
        Kind::Afterwards => Event::Afterwards(json(kind, payload)?),
        Kind::Zones => Event::Shortage(Shortage::Zones(json(kind, payload)?)),
        Kind::Meminfo => Event::Shortage(Shortage::Meminfo(json(kind, payload)?)),
        Kind::Surroundings => Event::Shortage(Shortage::Surroundings(json(kind, payload)?)),
        Kind::KernelSymbols => Event::Shortage(Shortage::KernelSymbols(json(kind, payload)?)),
        Kind::UserSymbols => Event::Shortage(Shortage::UserSymbols(json(kind, payload)?)),
    })
}

/// Reads a wire struct from a payload of any length. The missing fields of a shorter payload are zero, and the surplus of a
/// longer one belongs to a later version.
pub fn wire<T: FromBytes + FromZeros + IntoBytes>(payload: &[u8]) -> T {
    let mut event = T::new_zeroed();
    let bytes = event.as_mut_bytes();
    let common = bytes.len().min(payload.len());
    if let (Some(to), Some(from)) = (bytes.get_mut(..common), payload.get(..common)) {
        to.copy_from_slice(from);
    }
    event
}

fn json<T: DeserializeOwned>(kind: Kind, payload: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(payload).map_err(|error| DecodeError::Context { kind, because: error.to_string() })
}

#[cfg(test)]
mod tests {
    use oomtrace_common::{
        event::{Exit, Task},
        frame::{FrameHeader, Kind},
    };
    use zerocopy::IntoBytes as _;

    use super::{decode, wire};
    use crate::{event::Event, frame::Frame};

    fn frame(kind: u16, payload: &[u8]) -> Frame<'_> {
        let header = FrameHeader { kind, reserved: 0, len: 0, boot_ns: 5, pass: 0 };
        Frame { header, payload }
    }

    #[test]
    fn accepts_shorter_and_longer_payloads() {
        let exit = Exit { pid: 7, tid: 8, start_boot_ns: 9, live: 1, reserved: 0 };
        let longer = [exit.as_bytes(), b"later"].concat();
        assert_eq!(wire::<Exit>(&longer), exit);
        assert_eq!(
            wire::<Exit>(&longer[..8]),
            Exit { pid: 7, tid: 8, start_boot_ns: 0, live: 0, reserved: 0 }
        );
        assert_eq!(wire::<Task>(b"").present, 0);
    }

    #[test]
    fn accepts_any_bytes_for_every_kind_and_skips_unknown_kinds() {
        let noise: Vec<u8> = (0..600_u32).map(|at| u8::try_from(at * 37 % 256).unwrap()).collect();
        for kind in 0..0x130 {
            for cut in 0..noise.len() {
                let decoded = decode(&frame(kind, &noise[..cut]));
                if Kind::from_number(kind).is_none() {
                    assert!(matches!(decoded, Ok(None)));
                }
            }
        }
        assert!(matches!(
            decode(&frame(Kind::Tick.number(), b"{\"later\":1}")).unwrap().unwrap().event,
            Event::Tick(_)
        ));
        assert!(decode(&frame(Kind::Session.number(), b"{}")).is_err());
    }
}
