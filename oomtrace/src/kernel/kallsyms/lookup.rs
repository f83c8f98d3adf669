//! The kernel's own answer to where a symbol lies.

use super::{bpf, program::program};

/// What the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there.
    Address(u64),
    /// The kernel's list has no such symbol.
    Absent,
    /// The kernel does not answer: it is older than 5.16, hides addresses, or lacks a privilege of ours.
    Refused,
}

/// Asks the kernel, which looks in its own symbols first and then in those of its modules.
pub(super) fn ask(name: &str) -> Answer {
    let Some(program) = program(name) else { return Answer::Refused };
    let mut context = [0];
    match (bpf::load(&program).and_then(|program| bpf::run(&program, &mut context)), context) {
        (Ok(0), [address]) if address != 0 => Answer::Address(address),
        (Ok(status), _) if status == -libc::ENOENT => Answer::Absent,
        // -EPERM where addresses are hidden, which the list shows soon enough, too.
        (Ok(_) | Err(_), _) => Answer::Refused,
    }
}
