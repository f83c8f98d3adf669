//! Links without the programs' instructions, which are needed until everything is attached and take half a MiB.

use aya::{
    Ebpf,
    programs::{
        Program, ProgramError, fentry, fexit, kprobe,
        tp_btf::{BtfTracePointLink, BtfTracePointLinkId},
        trace_point,
    },
};

use super::hooks::Carrier;

/// A link that its program has.
#[derive(Debug)]
pub enum LinkId {
    /// Of a function's entry.
    FEntry(fentry::FEntryLinkId),
    /// Of a function's return.
    FExit(fexit::FExitLinkId),
    /// Of either, by a probe.
    KProbe(kprobe::KProbeLinkId),
    /// Of a tracepoint with typed arguments.
    BtfTracePoint(BtfTracePointLinkId),
    /// Of a tracepoint.
    TracePoint(trace_point::TracePointLinkId),
}

/// A link of its own. The kernel keeps the program for as long as there is one.
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
