//! Addresses and names of kernel symbols: the kernel is asked, and where it does not answer, its list is read.

mod bpf;
mod list;
mod lookup;
mod naming;
mod program;
mod scan;

use self::lookup::Answer;
pub use self::{
    list::{Finder, List},
    naming::{Call, Naming},
    scan::find,
};

/// The address of the kernel's symbol of exactly that name.
///
/// `None` where it cannot be told: the kernel was built without data symbols (`CONFIG_KALLSYMS_ALL`), or it hides
/// addresses from this process (`kernel.kptr_restrict`, or no `CAP_SYSLOG`).
#[must_use]
pub fn address(name: &str) -> Option<u64> {
    match lookup::ask(name) {
        Answer::Address(address) => Some(address),
        Answer::Absent => None,
        // Reading takes 42 ms where the symbol is last or absent, asking 0.2 ms (6.18, 2 cores).
        Answer::Refused => scan::address(name),
    }
}

/// Whether the kernel has a symbol of exactly that name; `None` where it does not answer. The list is not read for this:
/// who only wants to know whether something can be hooked tries it.
#[must_use]
pub fn has(name: &str) -> Option<bool> {
    match lookup::ask(name) {
        Answer::Address(_) => Some(true),
        Answer::Absent => Some(false),
        Answer::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, address, has, lookup, scan};

    /// A function, which is in the list even without `CONFIG_KALLSYMS_ALL`, and a name that no kernel has.
    const NAMES: [&str; 3] = ["out_of_memory", "__per_cpu_offset", "oomtrace_has_no_such_symbol"];

    #[test]
    fn the_kernel_answers_as_its_list_reads() {
        for name in NAMES {
            let listed = scan::address(name);
            match lookup::ask(name) {
                Answer::Address(address) => assert_eq!(Some(address), listed, "{name}"),
                Answer::Absent => assert_eq!(listed, None, "{name}"),
                // Unprivileged, or before 5.16: then the list is all there is.
                Answer::Refused => {}
            }
            assert_eq!(address(name), listed, "{name}");
            assert!(has(name).is_none_or(|has| has == listed.is_some()), "{name}");
        }
    }

    #[test]
    fn names_that_do_not_fit_are_not_asked_for() {
        assert_eq!(lookup::ask(""), Answer::Refused);
        assert_eq!(lookup::ask("cut\0off"), Answer::Refused);
        assert_eq!(lookup::ask(&"x".repeat(600)), Answer::Refused);
    }
}
