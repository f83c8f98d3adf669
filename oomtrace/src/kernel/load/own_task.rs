//! Reads this task with the eBPF side, for the self-check.

use aya::{
    Ebpf,
    maps::Array,
    programs::{ProgramError, RawTracePoint, RawTracePointRunOptions, TestRun as _},
};
use oomtrace_common::event::Task;

use super::{LoadError, attach::last_sentence};

/// The wire struct, wrapped so that it can implement aya's trait.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Own(Task);

// SAFETY: `Task` is `repr(C)`, has no padding, and any bits are a value of it.
unsafe impl aya::Pod for Own {}

/// Runs the eBPF side's reader on the calling thread; `None` if the kernel cannot run it on demand (before 5.10).
///
/// # Errors
///
/// If the verifier refuses the reader, or its map cannot be read.
pub fn read(ebpf: &mut Ebpf) -> Result<Option<Task>, LoadError> {
    let Some(program) = ebpf.program_mut("selfcheck") else { return Ok(None) };
    let program: &mut RawTracePoint =
        program.try_into().map_err(|error| LoadError::SelfCheck(Box::new(error)))?;
    program.load().map_err(refused)?;
    let ran = program.test_run(RawTracePointRunOptions::default());
    let unloaded = program.unload();
    if ran.is_err() || unloaded.is_err() {
        return Ok(None);
    }
    let Some(map) = ebpf.map("SELF") else { return Ok(None) };
    let own = Array::<_, Own>::try_from(map)
        .and_then(|array| array.get(&0, 0))
        .map_err(|error| LoadError::Map("SELF", Box::new(error)))?;
    Ok(Some(own.0))
}

/// The error of the reader, which is the first program that is loaded. If securityfs does not report confidentiality lockdown,
/// the verifier rejects the helper that reads kernel memory here.
fn refused(error: ProgramError) -> LoadError {
    if let ProgramError::LoadError { verifier_log, .. } = &error
        && last_sentence(&verifier_log.to_string()).is_some_and(|because| because.contains("bpf_probe_read"))
    {
        return LoadError::Lockdown;
    }
    LoadError::SelfCheck(Box::new(error))
}
