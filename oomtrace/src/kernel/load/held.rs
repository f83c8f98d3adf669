//! Links without the programs' instructions. The instructions take half a MiB and are not needed after the programs are attached.

use aya::{
    Ebpf,
    programs::{
        Program, ProgramError, fentry, fexit, kprobe,
        tp_btf::{BtfTracePointLink, BtfTracePointLinkId},
        trace_point,
    },
};

use super::hooks::Carrier;

/// The identifier of a link that its program owns.
#[derive(Debug)]
pub enum LinkId {
    /// A link to a function's entry.
    FEntry(fentry::FEntryLinkId),
    /// A link to a function's return.
    FExit(fexit::FExitLinkId),
    /// A link to a function's entry or return, with a probe.
    KProbe(kprobe::KProbeLinkId),
    /// A link to a tracepoint with typed arguments.
    BtfTracePoint(BtfTracePointLinkId),
    /// A link to a plain tracepoint.
    TracePoint(trace_point::TracePointLinkId),
}

/// A link that was taken from its program. The kernel keeps the program as long as the link exists.
#[derive(Debug)]
#[expect(dead_code, reason = "held until it is dropped")]
enum Link {
    FEntry(fentry::FEntryLink),
    FExit(fexit::FExitLink),
    KProbe(kprobe::KProbeLink),
    BtfTracePoint(BtfTracePointLink),
    TracePoint(trace_point::TracePointLink),
}

/// Everything that is attached, until this is dropped.
#[derive(Debug)]
pub struct Held {
    _links: Vec<Link>,
}

impl Held {
    /// Takes the links out of their programs, and lets go of everything else.
    ///
    /// # Errors
    ///
    /// If a program has no such link.
    pub(super) fn take(
        mut ebpf: Ebpf,
        attached: impl Iterator<Item = (&'static Carrier, LinkId)>,
    ) -> Result<Self, ProgramError> {
        let links = attached.map(|(carrier, id)| {
            let program = ebpf.program_mut(carrier.program).ok_or(ProgramError::NotLoaded)?;
            take(program, id)
        });
        Ok(Self { _links: links.collect::<Result<_, _>>()? })
    }
}

fn take(program: &mut Program, id: LinkId) -> Result<Link, ProgramError> {
    match (program, id) {
        (Program::FEntry(program), LinkId::FEntry(id)) => program.take_link(id).map(Link::FEntry),
        (Program::FExit(program), LinkId::FExit(id)) => program.take_link(id).map(Link::FExit),
        (Program::KProbe(program), LinkId::KProbe(id)) => program.take_link(id).map(Link::KProbe),
        (Program::BtfTracePoint(program), LinkId::BtfTracePoint(id)) => {
            program.take_link(id).map(Link::BtfTracePoint)
        }
        (Program::TracePoint(program), LinkId::TracePoint(id)) => program.take_link(id).map(Link::TracePoint),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}
