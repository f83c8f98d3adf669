//! Requests the address of a symbol from the kernel.

use super::{bpf, program::program};

/// The kernel's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The symbol's address.
    Address(u64),
    /// The kernel's list has no such symbol.
    Absent,
    /// The kernel does not answer: it is older than 5.16, hides addresses, or this process lacks a privilege.
    Refused,
}

/// Asks the kernel, which searches its own symbols first and then those of its modules.
pub(super) fn ask(name: &str) -> Answer {
    let Some(program) = program(name) else { return Answer::Refused };
    let mut context = [0];
    match (bpf::load(&program).and_then(|program| bpf::run(&program, &mut context)), context) {
        (Ok(0), [address]) if address != 0 => Answer::Address(address),
        (Ok(status), _) if status == -libc::ENOENT => Answer::Absent,
        // The kernel returns -EPERM if addresses are hidden. The list soon shows that as well.
        (Ok(_) | Err(_), _) => Answer::Refused,
    }
}
