//! Attaches one program to the kernel, or says why that failed.

use std::{fs, io, path::Path};

use aya::{
    Btf, Ebpf,
    programs::{KProbeError, Program, ProgramError},
};

use super::{held::LinkId, hooks::Carrier};

/// The file that exists if the kernel has kprobes.
const KPROBES: &str = "/sys/bus/event_source/devices/kprobe/type";

/// 0 if the kernel calls no program at the entry of a function.
const FTRACE_ENABLED: &str = "/proc/sys/kernel/ftrace_enabled";

/// The reason why a program is not attached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The layout lacks a field that the program reads.
    #[error("the kernel's BTF does not describe it")]
    NotInBtf,
    /// The kernel has no such mechanism.
    #[error("this kernel has no {0}")]
    NoMechanism(&'static str),
    /// The kernel would accept a program at the entry of a function and never call it.
    #[error("kernel.ftrace_enabled is 0, and the program would never be called")]
    FtraceOff,
    /// The verifier rejected the program: the layout does not fit, or lockdown forbids a helper.
    #[error("{target}: the verifier refused the program: {because}")]
    Verifier {
        /// Function or tracepoint.
        target: &'static str,
        /// The last sentence of its log.
        because: String,
    },
    /// The kernel refused to load or to attach it.
    #[error("{target}: {error}")]
    Kernel {
        /// Function or tracepoint.
        target: &'static str,
        /// The kernel's error.
        error: String,
    },
}

impl Refusal {
    /// Whether the verifier rejected the helper that a kernel in confidentiality lockdown forbids.
    #[must_use]
    pub fn is_lockdown(&self) -> bool {
        matches!(self, Self::Verifier { because, .. } if because.contains("bpf_probe_read"))
    }
}

/// Loads and attaches one program.
///
/// # Errors
///
/// A [`Refusal`]; the program is unloaded again then.
pub fn attach(ebpf: &mut Ebpf, btf: &Btf, carrier: &Carrier) -> Result<LinkId, Refusal> {
    let Some(program) = ebpf.program_mut(carrier.program) else {
        return Err(Refusal::Kernel {
            target: carrier.target,
            error: format!("no program {}", carrier.program),
        });
    };
    let at_entry = matches!(program, Program::FEntry(_) | Program::FExit(_) | Program::KProbe(_));
    if at_entry && is_ftrace_off() {
        return Err(Refusal::FtraceOff);
    }
    let attached = try_attach(program, btf, carrier.target);
    attached.map_err(|error| {
        detach(ebpf, carrier);
        refusal(&error, carrier.target)
    })
}

/// Programs at the entry of a function are called through ftrace. If ftrace is off, the kernel attaches them without an error
/// and never calls them: this was seen with kprobes on 5.10 and with trampolines on 6.12. 7.3 does not allow ftrace to be
/// turned off (`ftrace_enable_sysctl`, <https://github.com/torvalds/linux/blob/v6.12/kernel/trace/ftrace.c>).
fn is_ftrace_off() -> bool {
    fs::read_to_string(FTRACE_ENABLED).is_ok_and(|value| value.trim() == "0")
}

fn try_attach(program: &mut Program, btf: &Btf, target: &str) -> Result<LinkId, ProgramError> {
    load(program, btf, target)?;
    #[expect(clippy::wildcard_enum_match_arm, reason = "aya has more kinds of program than the object")]
    match program {
        Program::FEntry(program) => program.attach().map(LinkId::FEntry),
        Program::FExit(program) => program.attach().map(LinkId::FExit),
        Program::KProbe(program) => program.attach(target, 0).map(LinkId::KProbe),
        Program::BtfTracePoint(program) => program.attach().map(LinkId::BtfTracePoint),
        Program::TracePoint(program) => program.attach("oom", target).map(LinkId::TracePoint),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Lets the verifier check a program, unless it is loaded already.
///
/// # Errors
///
/// The kernel's, or if the kernel has no kprobes.
pub(super) fn load(program: &mut Program, btf: &Btf, target: &str) -> Result<(), ProgramError> {
    if program.fd().is_ok() {
        return Ok(());
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "aya has more kinds of program than the object")]
    match program {
        Program::FEntry(program) => program.load(target, btf),
        Program::FExit(program) => program.load(target, btf),
        // Without kprobes the verification would be wasted, and the programs for a decision are long.
        Program::KProbe(_) if !Path::new(KPROBES).exists() => Err(no_kprobes()),
        Program::KProbe(program) => program.load(),
        Program::BtfTracePoint(program) => program.load(target, btf),
        Program::TracePoint(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn no_kprobes() -> ProgramError {
    let io_error = io::ErrorKind::NotFound.into();
    KProbeError::FileError { filename: KPROBES.into(), io_error }.into()
}

/// Detaches and unloads a program. A program that was never loaded is left alone.
pub fn detach(ebpf: &mut Ebpf, carrier: &Carrier) {
    let Some(program) = ebpf.program_mut(carrier.program) else { return };
    #[expect(clippy::wildcard_enum_match_arm, reason = "aya has more kinds of program than the object")]
    let unloaded = match program {
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::KProbe(program) => program.unload(),
        Program::BtfTracePoint(program) => program.unload(),
        Program::TracePoint(program) => program.unload(),
        _ => Ok(()),
    };
    // Unloading fails only for a program that is not loaded.
    drop(unloaded);
}

fn refusal(error: &ProgramError, target: &'static str) -> Refusal {
    #[expect(clippy::wildcard_enum_match_arm, reason = "aya's errors; the others are reported as they are")]
    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            let because = last_sentence(&verifier_log.to_string());
            match because {
                Some(because) => Refusal::Verifier { target, because },
                None => Refusal::Kernel { target, error: format!("load: {io_error}") },
            }
        }
        ProgramError::Btf(_) => Refusal::NotInBtf,
        ProgramError::KProbeError(error) => match source_kind(error) {
            Some(io::ErrorKind::NotFound) => Refusal::NoMechanism("kprobes"),
            _ => Refusal::Kernel { target, error: chain(error) },
        },
        ProgramError::TracePointError(error) => match source_kind(error) {
            Some(io::ErrorKind::NotFound) => Refusal::NoMechanism("such tracepoint in tracefs"),
            _ => Refusal::Kernel { target, error: chain(error) },
        },
        error => Refusal::Kernel { target, error: chain(error) },
    }
}

fn source_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}

/// The verifier's last sentence before its statistics. From 7.3 on, a refusal looks like a compiler's, with the sentence after
/// `error:`.
pub(super) fn last_sentence(log: &str) -> Option<String> {
    const STATISTICS: [&str; 5] =
        ["verification time", "stack depth", "processed ", "mark_precise", "subprog "];
    let drawn = log.lines().rev().find_map(|line| line.split_once("error: ")).map(|(_, sentence)| sentence);
    let is_statistic = |line: &str| STATISTICS.iter().any(|statistic| line.starts_with(statistic));
    let plain = || log.lines().map(str::trim).rfind(|line| !line.is_empty() && !is_statistic(line));
    drawn.or_else(plain).map(|sentence| sentence.trim().chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::last_sentence;

    #[test]
    fn finds_the_verifiers_last_sentence() {
        let log = "0: R1=ctx()\naccess beyond struct raw_spinlock at off 0 size 8\nverification time 9 usec\n\
                   stack depth 8+16\nprocessed 12 insns (limit 1000000)\n\n";
        assert_eq!(last_sentence(log).as_deref(), Some("access beyond struct raw_spinlock at off 0 size 8"));
        assert_eq!(last_sentence("\n"), None);
        let drawn = "read.rs @ helpers.rs:1178:5\n   | ^-- error: policy check failed for helper bpf_probe_read#4\n\
                     Suggestion:\n  Use a helper allowed\nsubprog 0 (selfcheck) main\nprocessed 23 insns";
        assert_eq!(last_sentence(drawn).as_deref(), Some("policy check failed for helper bpf_probe_read#4"));
    }
}
