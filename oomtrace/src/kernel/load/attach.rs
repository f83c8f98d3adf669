//! One program into the kernel, or the reason why not.

use std::{fs, io, path::Path};

use aya::{
    Btf, Ebpf,
    programs::{KProbeError, Program, ProgramError},
};

use super::hooks::Carrier;

/// Where the kernel says how a kprobe is asked for, if it has kprobes.
const KPROBES: &str = "/sys/bus/event_source/devices/kprobe/type";

/// 0 where the kernel may call nothing at the entry of a function.
const FTRACE_ENABLED: &str = "/proc/sys/kernel/ftrace_enabled";

/// Why a program is not in place.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The layout lacks what the program reads.
    #[error("the kernel's BTF does not describe it")]
    NotInBtf,
    /// The kernel has no such mechanism.
    #[error("this kernel has no {0}")]
    NoMechanism(&'static str),
    /// The kernel would take a program at the entry of a function and never call it.
    #[error("kernel.ftrace_enabled is 0, and the program would never be called")]
    FtraceOff,
    /// The verifier turned the program down: a layout that does not fit, or a helper that lockdown forbids.
    #[error("{target}: the verifier refused the program: {because}")]
    Verifier {
        /// Function or tracepoint.
        target: &'static str,
        /// The log's last sentence.
        because: String,
    },
    /// The kernel refused to load or to attach it.
    #[error("{target}: {error}")]
    Kernel {
        /// Function or tracepoint.
        target: &'static str,
        /// What the kernel said.
        error: String,
    },
}

impl Refusal {
    /// Whether it is the helper that a kernel in confidentiality lockdown takes away.
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
pub fn attach(ebpf: &mut Ebpf, btf: &Btf, carrier: &Carrier) -> Result<(), Refusal> {
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

/// What is called at the entry of a function goes through ftrace, and where that is off the kernel says nothing of its being dead:
/// seen of kprobes on 5.10 and of trampolines on 6.12. 7.3 does not let it be turned off
/// (`ftrace_enable_sysctl`, <https://github.com/torvalds/linux/blob/v6.12/kernel/trace/ftrace.c>).
fn is_ftrace_off() -> bool {
    fs::read_to_string(FTRACE_ENABLED).is_ok_and(|value| value.trim() == "0")
}

fn try_attach(program: &mut Program, btf: &Btf, target: &str) -> Result<(), ProgramError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "aya's kinds of program, of which the object has these"
    )]
    match program {
        Program::FEntry(program) => {
            program.load(target, btf)?;
            program.attach().map(drop)
        }
        Program::FExit(program) => {
            program.load(target, btf)?;
            program.attach().map(drop)
        }
        Program::KProbe(program) => {
            // Without the mechanism it would be verified for nothing, and a decision's hooks are long.
            if !Path::new(KPROBES).exists() {
                return Err(KProbeError::FileError {
                    filename: KPROBES.into(),
                    io_error: io::ErrorKind::NotFound.into(),
                }
                .into());
            }
            program.load()?;
            program.attach(target, 0).map(drop)
        }
        Program::BtfTracePoint(program) => {
            if program.fd().is_err() {
                program.load(target, btf)?;
            }
            program.attach().map(drop)
        }
        Program::TracePoint(program) => {
            program.load()?;
            program.attach("oom", target).map(drop)
        }
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Takes a program out of the kernel; one that was never in is left alone.
pub fn detach(ebpf: &mut Ebpf, carrier: &Carrier) {
    let Some(program) = ebpf.program_mut(carrier.program) else { return };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "aya's kinds of program, of which the object has these"
    )]
    let unloaded = match program {
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::KProbe(program) => program.unload(),
        Program::BtfTracePoint(program) => program.unload(),
        Program::TracePoint(program) => program.unload(),
        _ => Ok(()),
    };
    // Unloading fails only for a program that is not loaded, and then there is nothing to take out.
    drop(unloaded);
}

fn refusal(error: &ProgramError, target: &'static str) -> Refusal {
    #[expect(clippy::wildcard_enum_match_arm, reason = "aya's errors; the rest is told in its own words")]
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

/// The verifier's last word before its statistics. From 7.3 on a refusal is drawn like a compiler's, with the sentence
/// behind `error:`.
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
    fn the_verifiers_last_word_is_told_without_its_statistics() {
        let log = "0: R1=ctx()\naccess beyond struct raw_spinlock at off 0 size 8\nverification time 9 usec\n\
                   stack depth 8+16\nprocessed 12 insns (limit 1000000)\n\n";
        assert_eq!(last_sentence(log).as_deref(), Some("access beyond struct raw_spinlock at off 0 size 8"));
        assert_eq!(last_sentence("\n"), None);
        let drawn = "read.rs @ helpers.rs:1178:5\n   | ^-- error: policy check failed for helper bpf_probe_read#4\n\
                     Suggestion:\n  Use a helper allowed\nsubprog 0 (selfcheck) main\nprocessed 23 insns";
        assert_eq!(last_sentence(drawn).as_deref(), Some("policy check failed for helper bpf_probe_read#4"));
    }
}
