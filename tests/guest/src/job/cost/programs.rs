//! The loaded BPF programs, and their run times as the kernel reports them.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use oomtrace_scenarios::cost::Program;

use crate::leftovers::bpf_programs;

/// `BPF_PROG_GET_FD_BY_ID` and `BPF_OBJ_GET_INFO_BY_FD` of `enum bpf_cmd`
/// (<https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h#L916>).
const PROG_GET_FD_BY_ID: libc::c_long = 13;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// `struct bpf_prog_info` up to `run_cnt`, as words of 32 bits, and the positions of the fields.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h#L6575>
const INFO_WORDS: usize = 52;
const NAME: usize = 16;
const NAME_WORDS: usize = 4;
const RUN_TIME_NS: usize = 48;
const RUN_CNT: usize = 50;

/// Every program by its id.
pub(super) fn all() -> Result<BTreeMap<u32, Program>> {
    bpf_programs().into_iter().map(|id| Ok((id, program(id)?))).collect()
}

/// The runs between two readings.
pub(super) fn growth(before: &BTreeMap<u32, Program>, after: BTreeMap<u32, Program>) -> Vec<Program> {
    let grown = after.into_iter().map(|(id, program)| {
        let earlier = before.get(&id).cloned().unwrap_or_default();
        let runs = program.runs.saturating_sub(earlier.runs);
        let run_time_ns = program.run_time_ns.saturating_sub(earlier.run_time_ns);
        Program { name: program.name, runs, run_time_ns }
    });
    grown.filter(|program| program.runs > 0).collect()
}

fn program(id: u32) -> Result<Program> {
    let fd = open(id).with_context(|| format!("opening BPF program {id}"))?;
    let info = info(&fd).with_context(|| format!("asking about BPF program {id}"))?;
    let word = |at: usize| info.get(at).copied().unwrap_or_default();
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
    let name: Vec<u8> = (NAME..NAME + NAME_WORDS).flat_map(|at| word(at).to_le_bytes()).collect();
    let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
    Ok(Program { name, runs: long(RUN_CNT), run_time_ns: long(RUN_TIME_NS) })
}

fn open(id: u32) -> Result<OwnedFd> {
    // prog_id, next_id, open_flags of `union bpf_attr`.
    let mut attr = [id, 0, 0];
    let fd = bpf(PROG_GET_FD_BY_ID, &mut attr)?;
    // SAFETY: the kernel has just created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd)?) })
}

fn info(fd: &OwnedFd) -> Result<[u32; INFO_WORDS]> {
    let mut info = [0; INFO_WORDS];
    let address = info.as_mut_ptr().addr().to_le_bytes();
    let (low, high) = address.split_at(4);
    let half = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap_or_default();
    // bpf_fd, info_len, and the address as two words.
    let (fd, len) = (u32::try_from(fd.as_raw_fd())?, u32::try_from(size_of_val(&info))?);
    bpf(OBJ_GET_INFO_BY_FD, &mut [fd, len, half(low), half(high)])?;
    Ok(info)
}

fn bpf<const WORDS: usize>(command: libc::c_long, attr: &mut [u32; WORDS]) -> Result<libc::c_long> {
    // SAFETY: the kernel reads and writes at most the given size of `attr`, which is its real size, and at most the length in
    // `attr` behind its pointers.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of_val(attr)) };
    ensure!(result >= 0, std::io::Error::last_os_error());
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oomtrace_scenarios::cost::Program;

    use super::growth;

    #[test]
    fn omits_programs_that_did_not_run() {
        let program = |runs, run_time_ns| Program { name: "reap".to_owned(), runs, run_time_ns };
        let before = BTreeMap::from([(1, program(1, 10)), (2, program(3, 30))]);
        let after = BTreeMap::from([(1, program(1, 10)), (2, program(5, 70)), (3, program(1, 2))]);
        assert_eq!(growth(&before, after), [program(2, 40), program(1, 2)]);
    }
}
